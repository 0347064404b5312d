from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc
import pytest
from harness.auth_service import Auth, bearer, running_auth
from harness.eventually import eventually
from harness.refusal import refusal
from harness.tenants import Tenants
from nats.js.errors import NotFoundError
from rookery.auth.v1 import audit_service_pb2, tenant_pb2, token_service_pb2
from rookery.events.v1 import identity_pb2
from rookery_auth.settings import AuthSettings
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import IDENTITY_SUBJECTS, beat_subject, standing_subject
from rookery_kit.bus.topology import IDENTITY_STREAM, Topology, ensure_topology


async def revoke(auth: Auth, caller: str, /, **target: str) -> str:
    request = token_service_pb2.RevokeTokenRequest(request_id=str(uuid4()), **target)
    return (await auth.tokens.RevokeToken(request, metadata=bearer(caller))).revoked


async def is_refused(auth: Auth, token: str) -> str:
    """Why a call with a token is refused, once it is."""

    async def reason() -> str:
        try:
            await auth.tokens.RevokeToken(
                token_service_pb2.RevokeTokenRequest(token="nothing"), metadata=bearer(token), timeout=5
            )
        except grpc.aio.AioRpcError as error:
            return error.details() or "" if error.code() is grpc.StatusCode.UNAUTHENTICATED else ""
        return ""

    return await eventually(reason, within=2)


async def announced(bus: Bus) -> list[identity_pb2.Revocation]:
    """The revocations that the stream holds."""
    info = await bus.jetstream.stream_info(IDENTITY_STREAM, subjects_filter=IDENTITY_SUBJECTS)
    subjects = [subject for subject in info.state.subjects or {} if ".revocation." in subject]
    messages = [await bus.jetstream.get_last_msg(IDENTITY_STREAM, subject) for subject in subjects]
    return [identity_pb2.Revocation.FromString(message.data or b"") for message in messages]


@pytest.mark.capability("A2")
async def test_whoever_holds_a_token_may_revoke_it_and_it_is_refused_within_two_seconds(auth: Auth) -> None:
    agent, other = await auth.enrolled(), await auth.enrolled()
    seen = await auth.introspect(agent.access_token)
    assert await revoke(auth, other.access_token, token=agent.access_token) == seen.token_id
    assert "revoked" in await is_refused(auth, agent.access_token)
    renewed = await auth.issue(refresh_token=agent.refresh_token)
    assert (await auth.introspect(renewed.access_token)).active


@pytest.mark.capability("A2")
async def test_a_revoked_refresh_token_ends_all_that_its_enrolment_has_earned(auth: Auth) -> None:
    agent, other = await auth.enrolled(), await auth.enrolled()
    assert await revoke(auth, other.access_token, token=agent.refresh_token)
    assert "revoked" in await is_refused(auth, agent.access_token)
    assert (await refusal(auth.issue(refresh_token=agent.refresh_token))).reason == "CREDENTIAL_INVALID"


@pytest.mark.capability("A2")
async def test_a_subject_revoked_loses_its_tokens_and_what_it_earns_afterwards_is_good(auth: Auth) -> None:
    secret = (await auth.api_key(subject="user:jane", roles=["observer"])).secret
    token = (await auth.issue(api_key=secret)).access_token
    for _ in range(3):
        assert await revoke(auth, token, subject="user:jane") == "user:jane"
        assert "revoked" in await is_refused(auth, token)
        # Within the same second, as a client does that is told to earn a new one.
        token = (await auth.issue(api_key=secret)).access_token
        assert (await auth.introspect(token)).active


@pytest.mark.capability("A2")
async def test_another_subjects_tokens_take_a_permission_to_revoke(auth: Auth) -> None:
    agent, other = await auth.enrolled(), await auth.enrolled()
    token_id = (await auth.introspect(other.access_token)).token_id
    for target in ({"subject": other.subject}, {"token_id": token_id}):
        refused = await refusal(revoke(auth, agent.access_token, **target))
        assert (refused.code, refused.metadata) == (grpc.StatusCode.PERMISSION_DENIED, {"permission": "tokens:manage"})
    own = (await auth.introspect(agent.access_token)).token_id
    assert await revoke(auth, agent.access_token, token_id=own) == own
    assert await revoke(auth, other.access_token, subject=other.subject) == other.subject
    assert (await refusal(auth.issue(refresh_token=other.refresh_token))).reason == "CREDENTIAL_INVALID"


@pytest.mark.capability("A2")
async def test_who_acts_for_another_can_give_back_the_token_in_use_and_not_lock_the_other_out(auth: Auth) -> None:
    owner, actor = await auth.enrolled(), await auth.enrolled()
    exchange = token_service_pb2.TokenExchange(subject_token=owner.access_token, actor_token=actor.access_token)
    acting = (await auth.issue(token_exchange=exchange)).access_token
    targets = ({"subject": owner.subject}, {"token": owner.access_token}, {"token": owner.refresh_token})
    for target in targets:
        refused = await refusal(revoke(auth, acting, **target))
        assert (refused.code, refused.metadata) == (grpc.StatusCode.PERMISSION_DENIED, {"permission": "tokens:manage"})
    assert await revoke(auth, acting, token=acting)
    assert "revoked" in await is_refused(auth, acting)
    assert (await auth.introspect(owner.access_token)).active


@pytest.mark.capability("A2")
async def test_however_often_a_subject_is_revoked_its_next_token_is_good_at_once(auth: Auth) -> None:
    secret = (await auth.api_key(subject="user:jane", roles=["observer"])).secret
    token = (await auth.issue(api_key=secret)).access_token
    administrator = await auth.administrator()
    request = token_service_pb2.RevokeTokenRequest(subject="user:jane")
    for _ in range(20):
        await auth.tokens.RevokeToken(request, metadata=administrator)
    assert "revoked" in await is_refused(auth, token)
    seen = await auth.introspect((await auth.issue(api_key=secret)).access_token)
    assert seen.active
    assert seen.expire_time.seconds - seen.issue_time.seconds > 595


async def test_what_is_unknown_is_revoked_already(auth: Auth) -> None:
    token = (await auth.enrolled()).access_token
    for text in ("x", "rkr_x", f"{token[:-8]}AAAAAAAA"):
        assert await revoke(auth, token, token=text) == ""


@pytest.mark.capability("A2")
async def test_a_reused_refresh_token_ends_every_token_of_its_family_and_is_audited(auth: Auth) -> None:
    first = await auth.enrolled()
    second = await auth.issue(refresh_token=first.refresh_token)
    assert (await refusal(auth.issue(refresh_token=first.refresh_token))).reason == "REFRESH_TOKEN_REUSED"
    for token in (first.access_token, second.access_token):
        assert "revoked" in await is_refused(auth, token)
    administrator = await auth.administrator()

    async def audited() -> bool:
        request = audit_service_pb2.ListAuditEventsRequest(filter='action = "token.refresh_reused"')
        events = (await auth.audit.ListAuditEvents(request, metadata=administrator)).events
        return [(event.actor, event.reason) for event in events] == [(first.subject, "REFRESH_TOKEN_REUSED")]

    await eventually(audited)


@pytest.mark.capability("A2")
async def test_a_stream_that_lost_its_content_is_told_everything_again(auth: Auth, bus: Bus) -> None:
    agent, other = await auth.enrolled(), await auth.enrolled()
    await revoke(auth, other.access_token, token=agent.refresh_token)

    async def told() -> bool:
        try:
            return len(await announced(bus)) == 1 and bool(
                await bus.jetstream.get_last_msg(IDENTITY_STREAM, beat_subject())
            )
        except NotFoundError:
            return False

    await eventually(told)
    (kept,) = await announced(bus)
    # As long as any token may live, for another replica or an earlier run may have issued one under other settings.
    assert kept.expire_time.ToDatetime(UTC) > datetime.now(UTC) + timedelta(hours=1)
    await bus.jetstream.delete_stream(IDENTITY_STREAM)
    await ensure_topology(bus.jetstream, Topology())
    await eventually(told)
    assert "revoked" in await is_refused(auth, agent.access_token)


@pytest.mark.capability("A2")
async def test_a_revocation_outlives_a_restart_of_auth(auth_settings: AuthSettings) -> None:
    async with running_auth(auth_settings) as auth:
        agent, other = await auth.enrolled(), await auth.enrolled()
        await revoke(auth, other.access_token, token=agent.access_token)
    async with running_auth(auth_settings) as auth:
        assert "revoked" in await is_refused(auth, agent.access_token)


@pytest.mark.capability("A6")
async def test_that_a_tenant_is_suspended_is_on_the_stream_before_it_is_answered(auth: Auth, bus: Bus) -> None:
    tenants = Tenants(auth.channel, await auth.administrator())
    await tenants.create("acme")
    for end, state in ((tenants.suspend, "SUSPENDED"), (tenants.resume, "ACTIVE"), (tenants.delete, "DELETING")):
        await end("acme")
        message = await bus.jetstream.get_last_msg(IDENTITY_STREAM, standing_subject("acme"))
        standing = identity_pb2.TenantStanding.FromString(message.data or b"")
        assert standing.state == tenant_pb2.TenantState.Value(f"TENANT_STATE_{state}")


async def test_introspection_tells_what_a_good_token_says_and_nothing_of_others(auth: Auth) -> None:
    agent = await auth.enrolled("observer")
    seen = await auth.introspect(agent.access_token)
    assert (seen.subject, seen.tenant, list(seen.roles)) == (agent.subject, "default", ["observer"])
    assert "tasks:read" in seen.scopes
    assert seen.expire_time.seconds - seen.issue_time.seconds == 600
    assert seen.issue_time.nanos
    for text in ("x", agent.refresh_token, agent.access_token[:-4]):
        assert await auth.introspect(text) == token_service_pb2.IntrospectTokenResponse()
