from uuid import uuid4

import grpc
import pytest
from harness.auth_service import Auth
from harness.eventually import eventually
from harness.refusal import Refusal, read_refusal, refusal
from harness.tenants import Tenants, token_for
from rookery.auth.v1 import (
    api_key_service_pb2,
    audit_service_pb2,
    enrollment_service_pb2,
    policy_service_pb2,
    policy_service_pb2_grpc,
    tenant_pb2,
)

ACTIVE, SUSPENDED = tenant_pb2.TENANT_STATE_ACTIVE, tenant_pb2.TENANT_STATE_SUSPENDED


@pytest.fixture
async def tenants(auth: Auth) -> Tenants:
    return Tenants(auth.channel, await auth.administrator())


def told(refused: Refusal) -> tuple[grpc.StatusCode, str]:
    return refused.code, refused.reason


@pytest.mark.capability("A6")
async def test_a_new_tenant_has_an_administrator_who_sees_nothing_of_the_first(auth: Auth, tenants: Tenants) -> None:
    request_id = str(uuid4())
    quotas = tenant_pb2.Quotas(max_agents=7)
    created = await tenants.create("acme", request_id=request_id, quotas=quotas)
    assert (created.tenant.display_name, created.tenant.state, created.tenant.quotas) == ("acme", ACTIVE, quotas)
    assert await tenants.create("acme", request_id=request_id, quotas=quotas) == created
    other_body = await refusal(tenants.create("acme", request_id=request_id))
    assert told(other_body) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert told(await refusal(tenants.create("acme"))) == (grpc.StatusCode.ALREADY_EXISTS, "TENANT_EXISTS")
    issued = await auth.issue(api_key=created.administrator_secret)
    assert (issued.tenant, issued.subject, list(issued.roles)) == ("acme", "user:admin", ["admin"])
    administrator = await token_for(auth.channel, created.administrator_secret)
    outside = Tenants(auth.channel, administrator)
    refused = (grpc.StatusCode.PERMISSION_DENIED, "FIRST_TENANT_ONLY")
    assert told(await refusal(outside.list())) == refused
    assert told(await refusal(outside.get("acme"))) == refused
    stub = policy_service_pb2_grpc.PolicyServiceStub(auth.channel)
    bind = policy_service_pb2.BindRoleRequest(subject="user:jane", role="admin")
    await stub.BindRole(bind, metadata=await auth.administrator())
    listing = policy_service_pb2.ListBindingsRequest()
    assert not (await stub.ListBindings(listing, metadata=administrator)).bindings
    check = policy_service_pb2.CheckPermissionRequest(method="rookery.auth.v1.TenantService/ListTenants")
    answer = await stub.CheckPermission(check, metadata=administrator)
    assert not answer.allowed
    assert "default" in answer.explanation


@pytest.mark.capability("A6")
async def test_a_tenant_is_read_listed_and_changed(tenants: Tenants) -> None:
    for name in ("acme", "zoo"):
        await tenants.create(name)
    acme = await tenants.get("acme")
    updated = await tenants.update("acme", "quotas", etag=acme.etag, quotas=tenant_pb2.Quotas(max_api_keys=2))
    assert (updated.quotas.max_api_keys, updated.display_name) == (2, "acme")
    stale = await refusal(tenants.update("acme", "display_name", etag=acme.etag, display_name="Acme"))
    assert told(stale) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    assert (await tenants.update("acme", "display_name", display_name="Acme")).quotas == updated.quotas
    negative = await refusal(tenants.update("acme", "quotas", quotas=tenant_pb2.Quotas(max_agents=-1)))
    assert told(negative) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    first = await tenants.list(page_size=2)
    rest = await tenants.list(page_size=2, page_token=first.next_page_token)
    assert [each.id for each in (*first.tenants, *rest.tenants)] == ["acme", "default", "zoo"]
    await tenants.suspend("zoo")
    assert [each.id for each in (await tenants.list(state=SUSPENDED)).tenants] == ["zoo"]
    unknown = (grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND")
    for attempt in (tenants.get("nobody"), tenants.suspend("nobody"), tenants.delete("nobody")):
        assert told(await refusal(attempt)) == unknown


@pytest.mark.capability("A6")
async def test_a_suspended_tenant_is_refused_and_served_again_when_it_is_resumed(auth: Auth, tenants: Tenants) -> None:
    created = await tenants.create("acme")
    administrator = await token_for(auth.channel, created.administrator_secret)
    stub = policy_service_pb2_grpc.PolicyServiceStub(auth.channel)

    async def reason() -> str:
        try:
            await stub.ListRoles(policy_service_pb2.ListRolesRequest(), metadata=administrator)
        except grpc.aio.AioRpcError as error:
            return read_refusal(error).reason
        return "served"

    assert await reason() == "served"
    assert (await tenants.suspend("acme")).state == SUSPENDED
    assert (await tenants.suspend("acme")).state == SUSPENDED

    async def suspended() -> bool:
        return await reason() == "TENANT_SUSPENDED"

    await eventually(suspended, within=2.0)
    refused = await refusal(auth.issue(api_key=created.administrator_secret))
    assert told(refused) == (grpc.StatusCode.PERMISSION_DENIED, "TENANT_SUSPENDED")
    assert (await tenants.resume("acme")).state == ACTIVE

    async def served() -> bool:
        return await reason() == "served"

    await eventually(served, within=2.0)
    await auth.issue(api_key=created.administrator_secret)


@pytest.mark.capability("A6")
async def test_the_first_tenant_stays(tenants: Tenants) -> None:
    protected = (grpc.StatusCode.FAILED_PRECONDITION, "TENANT_PROTECTED")
    assert told(await refusal(tenants.suspend("default"))) == protected
    assert told(await refusal(tenants.delete("default"))) == protected


@pytest.mark.capability("A6")
async def test_a_deleted_tenant_changes_no_more_and_its_name_is_not_used_again(tenants: Tenants) -> None:
    await tenants.create("acme")
    stale = await refusal(tenants.delete("acme", etag="r9"))
    assert told(stale) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    deleting = await tenants.delete("acme")
    assert deleting.state == tenant_pb2.TENANT_STATE_DELETING
    assert list(deleting.erasing_services) == ["auth", "orchestrator", "registry", "tool_executor"]
    assert (await tenants.delete("acme")).state == tenant_pb2.TENANT_STATE_DELETING
    deleted = (grpc.StatusCode.FAILED_PRECONDITION, "TENANT_DELETED")
    for attempt in (tenants.suspend("acme"), tenants.resume("acme"), tenants.update("acme", "display_name")):
        assert told(await refusal(attempt)) == deleted
    assert told(await refusal(tenants.create("acme"))) == (grpc.StatusCode.ALREADY_EXISTS, "TENANT_EXISTS")


@pytest.mark.capability("A8")
async def test_what_is_done_to_tenants_stands_in_the_audit_log(auth: Auth, tenants: Tenants) -> None:
    created = await tenants.create("acme")
    await tenants.suspend("acme")
    await refusal(tenants.suspend("nobody"))
    outside = Tenants(auth.channel, await auth.administrator())
    await outside.resume("acme")
    administrator = await token_for(auth.channel, created.administrator_secret)
    await refusal(Tenants(auth.channel, administrator).list())
    text = 'action = "rookery.auth.v1.TenantService/*"'
    request = audit_service_pb2.ListAuditEventsRequest(filter=text, oldest_first=True)

    async def logged() -> bool:
        events = (await auth.audit.ListAuditEvents(request, metadata=await auth.administrator())).events
        seen = [(each.action.rpartition("/")[2], each.resource, each.outcome) for each in events]
        return sorted(seen) == [
            ("CreateTenant", "tenants/acme", 1),
            ("ResumeTenant", "tenants/acme", 1),
            ("SuspendTenant", "tenants/acme", 1),
            ("SuspendTenant", "tenants/nobody", 3),
        ]

    await eventually(logged)

    async def denial_logged() -> bool:
        events = (await auth.audit.ListAuditEvents(request, metadata=administrator)).events
        return [(each.outcome, each.reason) for each in events] == [(2, "FIRST_TENANT_ONLY")]

    await eventually(denial_logged)


@pytest.mark.capability("A6")
async def test_a_repeated_creation_never_tells_the_secret_that_the_tenant_has_made_its_own(
    auth: Auth, tenants: Tenants
) -> None:
    request_id = str(uuid4())
    created = await tenants.create("acme", request_id=request_id)
    inside = await token_for(auth.channel, created.administrator_secret)
    (key,) = (await auth.api_keys.ListApiKeys(api_key_service_pb2.ListApiKeysRequest(), metadata=inside)).api_keys
    rotation = api_key_service_pb2.RotateApiKeyRequest(api_key_id=key.id)
    assert (await auth.api_keys.RotateApiKey(rotation, metadata=inside)).secret
    again = await tenants.create("acme", request_id=request_id)
    assert (again.tenant, again.administrator_secret) == (created.tenant, "")


@pytest.mark.capability("A6")
async def test_a_refresh_that_a_suspension_refused_is_good_after_it(auth: Auth, tenants: Tenants) -> None:
    inside = await token_for(auth.channel, (await tenants.create("acme")).administrator_secret)
    request = enrollment_service_pb2.CreateEnrollmentTokenRequest()
    token = await auth.enrollments.CreateEnrollmentToken(request, metadata=inside)
    agent = await auth.issue(enrollment_token=token.secret)
    await tenants.suspend("acme")
    assert (await refusal(auth.issue(refresh_token=agent.refresh_token))).reason == "TENANT_SUSPENDED"
    await tenants.resume("acme")
    assert (await auth.issue(refresh_token=agent.refresh_token)).subject == agent.subject
