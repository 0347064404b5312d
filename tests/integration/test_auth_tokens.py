import base64
import os
from collections.abc import Mapping
from uuid import uuid4

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.duration_pb2 import Duration
from harness.auth_service import Auth, bearer, running_auth
from harness.refusal import refusal
from rookery.auth.v1 import enrollment_service_pb2, token_service_pb2
from rookery_auth.settings import AuthSettings
from rookery_kit.access_token import TokenVerifier, public_key
from rookery_kit.clock import SystemClock
from rookery_kit.errors import CannotStart
from rookery_kit.identity_feed import Admission


@pytest.mark.capability("A1")
async def test_an_enrolment_token_becomes_an_agent_identity_that_every_service_can_verify(auth: Auth) -> None:
    created = await auth.enrollment(labels={"team": "docs"})
    issued = await auth.issue(enrollment_token=created.secret)
    keys = {key.kid: public_key(key.x) for key in (await auth.tokens.GetJwks(token_service_pb2.GetJwksRequest())).keys}

    async def fetch_keys() -> Mapping[str, Ed25519PublicKey]:
        return keys

    verifier = TokenVerifier(
        issuer=auth.settings.issuer,
        audience="rookery",
        clock=SystemClock(),
        admission=Admission(SystemClock(), stale_after=300),
        fetch_keys=fetch_keys,
    )
    principal = await verifier.verify(issued.access_token)
    assert (principal.subject, principal.kind, principal.tenant) == (issued.subject, "agent", "default")
    assert principal.labels == (("team", "docs"),)
    assert principal.permits("agents:register")
    assert not principal.permits("agents:manage")
    header = jwt.get_unverified_header(issued.access_token)
    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")


@pytest.mark.capability("A4")
async def test_the_administrators_key_is_written_for_its_owner_alone_and_written_again_when_lost(
    auth_settings: AuthSettings,
) -> None:
    path = auth_settings.bootstrap_credential_file
    async with running_auth(auth_settings):
        first = path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    async with running_auth(auth_settings) as auth:
        assert path.read_text() == first
        assert (await auth.issue(api_key=first.strip())).subject == "user:admin"


async def test_a_start_with_another_master_key_is_refused(auth_settings: AuthSettings) -> None:
    async with running_auth(auth_settings):
        pass
    assert auth_settings.master_key_file is not None
    auth_settings.master_key_file.write_bytes(base64.b64encode(os.urandom(32)))
    with pytest.raises(CannotStart, match="not the one with which this installation was created"):
        async with running_auth(auth_settings):
            pass


async def test_the_same_request_id_answers_the_same_enrolment_token(auth: Auth) -> None:
    request_id = str(uuid4())
    first = await auth.enrollment(request_id=request_id)
    assert await auth.enrollment(request_id=request_id) == first
    assert (await auth.enrollment()).secret != first.secret
    refused = await refusal(auth.enrollment(request_id=request_id, roles=["tester"]))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")


@pytest.mark.capability("A2")
async def test_an_exchange_that_was_cut_off_is_repeated_under_its_request_id(auth: Auth) -> None:
    secret = (await auth.enrollment()).secret
    exchange, renewal = str(uuid4()), str(uuid4())
    first = await auth.issue(exchange, enrollment_token=secret)
    again = await auth.issue(exchange, enrollment_token=secret)
    assert (again.subject, again.refresh_token) == (first.subject, first.refresh_token)
    renewed = await auth.issue(renewal, refresh_token=first.refresh_token)
    assert renewed.refresh_token != first.refresh_token
    assert (await auth.issue(renewal, refresh_token=first.refresh_token)).refresh_token == renewed.refresh_token
    assert (await auth.issue(refresh_token=renewed.refresh_token)).subject == first.subject


@pytest.mark.capability("A2")
async def test_a_refresh_token_that_comes_back_revokes_its_family(auth: Auth) -> None:
    first = await auth.issue(enrollment_token=(await auth.enrollment()).secret)
    second = await auth.issue(refresh_token=first.refresh_token)
    reused = await refusal(auth.issue(refresh_token=first.refresh_token))
    assert (reused.code, reused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "REFRESH_TOKEN_REUSED")
    revoked = await refusal(auth.issue(refresh_token=second.refresh_token))
    assert (revoked.code, revoked.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID")


@pytest.mark.parametrize("kind", ["api_key", "enrollment_token", "refresh_token"])
async def test_every_wrong_credential_is_unauthenticated(auth: Auth, kind: str) -> None:
    for value in ("x", "rkk_" + "0" * 32 + ".0." + "A" * 43, "\N{SNOWMAN}"):
        refused = await refusal(auth.issue(**{kind: value}))
        assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID")
        assert refused.domain == "rookery.dev"


@pytest.mark.capability("A5")
async def test_nobody_hands_out_more_than_they_hold(auth: Auth) -> None:
    lead = await auth.issue(enrollment_token=(await auth.enrollment(roles=["tech-lead"])).secret)
    request = enrollment_service_pb2.CreateEnrollmentTokenRequest(roles=["admin"])
    call = auth.enrollments.CreateEnrollmentToken(request, metadata=bearer(lead.access_token))
    refused = await refusal(call)
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    agent = await auth.issue(enrollment_token=(await auth.enrollment()).secret)
    refused = await refusal(
        auth.enrollments.CreateEnrollmentToken(
            enrollment_service_pb2.CreateEnrollmentTokenRequest(), metadata=bearer(agent.access_token)
        )
    )
    assert refused.metadata == {"permission": "enrollments:create"}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"request_id": "no-uuid"}, "request_id"),
        ({"roles": ["Not A Role"]}, "roles[0]"),
        ({"roles": ["unknown-role"]}, "roles"),
        ({"ttl": Duration(seconds=0)}, "ttl"),
        ({"ttl": Duration(seconds=31 * 86400)}, "ttl"),
        ({"labels": {"Bad Key": "x"}}, "labels['Bad Key']"),
    ],
)
async def test_a_broken_field_is_named(auth: Auth, fields: dict[str, object], path: str) -> None:
    refused = await refusal(auth.enrollment(**fields))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert refused.fields == (path,)


async def test_a_request_without_a_credential_says_so(auth: Auth) -> None:
    refused = await refusal(auth.issue())
    assert (refused.code, refused.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ("credential",))
