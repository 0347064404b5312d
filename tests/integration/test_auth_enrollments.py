from uuid import uuid4

import grpc
import pytest
from harness.auth_service import Auth, bearer
from harness.eventually import eventually
from harness.refusal import refusal
from harness.tenants import Tenants, token_for
from rookery.auth.v1 import audit_service_pb2, enrollment_pb2, enrollment_service_pb2


async def revoke(auth: Auth, token_id: str) -> enrollment_service_pb2.RevokeEnrollmentTokenResponse:
    request = enrollment_service_pb2.RevokeEnrollmentTokenRequest(enrollment_token_id=token_id)
    return await auth.enrollments.RevokeEnrollmentToken(request, metadata=await auth.administrator())


@pytest.mark.capability("A1")
async def test_a_revoked_enrolment_token_earns_nothing_and_a_repetition_of_its_creation_does_not_bring_it_back(
    auth: Auth,
) -> None:
    request_id = str(uuid4())
    made = await auth.enrollment(request_id=request_id)
    revoked = (await revoke(auth, made.enrollment_token.id)).enrollment_token
    assert revoked.HasField("revoke_time")
    assert (await revoke(auth, made.enrollment_token.id)).enrollment_token == revoked
    again = await auth.enrollment(request_id=request_id)
    assert again.enrollment_token == revoked
    assert (await refusal(auth.issue(enrollment_token=made.secret))).reason == "CREDENTIAL_INVALID"
    missing = await refusal(revoke(auth, str(uuid4())))
    assert (missing.code, missing.reason) == (grpc.StatusCode.NOT_FOUND, "ENROLLMENT_TOKEN_NOT_FOUND")


@pytest.mark.capability("A1")
async def test_enrolment_tokens_are_listed_newest_first_page_by_page_within_the_tenant(auth: Auth) -> None:
    made = [(await auth.enrollment()) for _ in range(3)]
    await auth.issue(enrollment_token=made[0].secret)
    administrator = await auth.administrator()
    listed: list[enrollment_pb2.EnrollmentToken] = []
    token = ""
    while True:
        request = enrollment_service_pb2.ListEnrollmentTokensRequest(page_size=2, page_token=token)
        page = await auth.enrollments.ListEnrollmentTokens(request, metadata=administrator)
        listed += page.enrollment_tokens
        token = page.next_page_token
        if not token:
            break
    assert [each.id for each in listed] == [each.enrollment_token.id for each in reversed(made)]
    assert [each.HasField("use_time") for each in listed] == [False, False, True]
    assert {each.creator for each in listed} == {"user:admin"}
    acme = await Tenants(auth.channel, administrator).create("acme")
    inside = await token_for(auth.channel, acme.administrator_secret)
    request = enrollment_service_pb2.ListEnrollmentTokensRequest()
    assert not (await auth.enrollments.ListEnrollmentTokens(request, metadata=inside)).enrollment_tokens
    foreign = enrollment_service_pb2.RevokeEnrollmentTokenRequest(enrollment_token_id=listed[0].id)
    refused = await refusal(auth.enrollments.RevokeEnrollmentToken(foreign, metadata=inside))
    assert refused.reason == "ENROLLMENT_TOKEN_NOT_FOUND"
    observer = bearer((await auth.enrolled("observer")).access_token)
    refused = await refusal(auth.enrollments.ListEnrollmentTokens(request, metadata=observer))
    assert refused.metadata == {"permission": "enrollments:read"}


@pytest.mark.capability("A1")
async def test_what_is_done_with_enrolment_tokens_is_audited(auth: Auth) -> None:
    made = await auth.enrollment(roles=["admin"])
    await revoke(auth, made.enrollment_token.id)
    administrator = await auth.administrator()

    async def audited() -> bool:
        filter_ = f'resource = "enrollment_tokens/{made.enrollment_token.id}"'
        request = audit_service_pb2.ListAuditEventsRequest(filter=filter_)
        events = (await auth.audit.ListAuditEvents(request, metadata=administrator)).events
        return {event.action.rpartition("/")[2] for event in events} == {
            "CreateEnrollmentToken",
            "RevokeEnrollmentToken",
        }

    await eventually(audited)
