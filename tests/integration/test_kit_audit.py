"""What the pipeline tells the audit log."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from harness.databases import OpenDatabase
from harness.kit_server import KitServer, serving
from harness.refusal import refusal
from rookery.auth.v1 import (
    audit_pb2,
    policy_service_pb2,
    policy_service_pb2_grpc,
    role_pb2,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
)
from rookery.events.v1 import audit_record_pb2
from rookery_kit.audit import AuditEvent, AuditOutcome
from rookery_kit.audit.resource import AuditedResource, ResourceUnknown
from rookery_kit.audit.trail import MOST_OF_A_TENANT
from rookery_kit.errors import AlreadyExists, PermissionMissing
from rookery_kit.identity_feed import Revocation, RevocationKind
from rookery_kit.postgres import Database
from rookery_kit.rpc import Call, Registration

CREATE_ROLE = "rookery.auth.v1.PolicyService/CreateRole"


class RoleExists(AlreadyExists):
    reason = "ROLE_EXISTS"


class Policies(policy_service_pb2_grpc.PolicyServiceServicer):
    """Creates roles as far as a test needs it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def CreateRole(self, request: Any, context: Any) -> policy_service_pb2.CreateRoleResponse:  # noqa: N802
        async with self._database.transaction(Call.of(context).principal.tenant) as connection:
            await connection.execute("INSERT INTO outbox (message_id, subject, payload) VALUES ('change', 's', '')")
        if request.name == "taken":
            raise RoleExists("there is one")
        if request.name == "beyond":
            raise PermissionMissing("tasks:purge")
        return policy_service_pb2.CreateRoleResponse(role=role_pb2.Role(name=request.name))


class Tenants(tenant_service_pb2_grpc.TenantServiceServicer):
    async def ListTenants(self, request: Any, context: Any) -> tenant_service_pb2.ListTenantsResponse:  # noqa: N802
        return tenant_service_pb2.ListTenantsResponse()


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("auth")


@pytest.fixture
async def kit(database: Database) -> AsyncIterator[KitServer]:
    registrations = (
        Registration(
            policy_service_pb2_grpc.add_PolicyServiceServicer_to_server,
            Policies(database),  # type: ignore[abstract] # the other methods are not called
        ),
        Registration(
            tenant_service_pb2_grpc.add_TenantServiceServicer_to_server,
            Tenants(),  # type: ignore[abstract] # as above
        ),
    )
    async with serving(*registrations, database=database) as server:
        yield server


def create(kit: KitServer, name: str, request_id: str = "", **token: Any) -> Any:
    request = policy_service_pb2.CreateRoleRequest(name=name, permissions=["tasks:read"], request_id=request_id)
    stub = policy_service_pb2_grpc.PolicyServiceStub(kit.channel)
    metadata = (("authorization", f"Bearer {kit.mint.mint(**token)}"),)
    return stub.CreateRole(request, metadata=metadata, timeout=10)


def denial(tenant: str, resource: str) -> AuditEvent:
    return AuditEvent(
        tenant=tenant,
        actor="user:jane",
        action=CREATE_ROLE,
        resource=resource,
        outcome=AuditOutcome.DENIED,
        event_time=datetime.now(UTC),
        service="test",
        reason="PERMISSION_MISSING",
    )


async def changes(database: Database) -> int:
    async with database.system_transaction() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM outbox WHERE message_id = 'change'"))


async def told(kit: KitServer, database: Database) -> list[audit_pb2.AuditEvent]:
    """What has been told, also what was only noted."""
    await kit.audit.flush()
    async with database.system_transaction() as connection:
        rows = await connection.fetch("SELECT payload FROM outbox WHERE subject LIKE 'rk.%.event.audit.%' ORDER BY id")
    return [audit_record_pb2.AuditRecord.FromString(row["payload"]).event for row in rows]


@pytest.mark.capability("A8")
async def test_an_audited_call_is_told_with_who_did_what_to_what(kit: KitServer, database: Database) -> None:
    await create(kit, "pilot", tenant="acme", subject="agent:a", act={"sub": "agent:b", "act": {"sub": "user:c"}})
    [event] = await told(kit, database)
    assert (event.tenant, event.actor, list(event.delegates)) == ("acme", "agent:a", ["agent:b", "user:c"])
    assert (event.action, event.resource) == (CREATE_ROLE, "roles/pilot")
    assert (event.outcome, event.reason) == (audit_pb2.AUDIT_OUTCOME_SUCCEEDED, "")
    assert event.token_id
    assert event.service == "test"


async def test_a_repetition_by_request_id_is_told_once(kit: KitServer, database: Database) -> None:
    request_id = str(uuid4())
    await create(kit, "pilot", request_id)
    await create(kit, "pilot", request_id)
    assert len(await told(kit, database)) == 1
    assert await changes(database) == 1


async def test_a_failed_call_changes_nothing_and_is_told_as_failed(kit: KitServer, database: Database) -> None:
    assert (await refusal(create(kit, "taken"))).reason == "ROLE_EXISTS"
    [event] = await told(kit, database)
    assert (event.outcome, event.reason, event.resource) == (
        audit_pb2.AUDIT_OUTCOME_FAILED,
        "ROLE_EXISTS",
        "roles/taken",
    )
    assert await changes(database) == 0


@pytest.mark.capability("A5")
@pytest.mark.parametrize(("name", "permissions"), [("beyond", ("*:*",)), ("pilot", ("tasks:read",))])
async def test_every_denial_is_told_whether_the_method_or_the_handler_denies(
    kit: KitServer, database: Database, name: str, permissions: tuple[str, ...]
) -> None:
    assert (await refusal(create(kit, name, permissions=permissions))).reason == "PERMISSION_MISSING"
    [event] = await told(kit, database)
    assert (event.action, event.outcome) == (CREATE_ROLE, audit_pb2.AUDIT_OUTCOME_DENIED)
    assert event.reason == "PERMISSION_MISSING"


async def test_a_flood_of_like_denials_is_told_as_one_with_their_number(kit: KitServer, database: Database) -> None:
    for _ in range(50):
        assert (await refusal(create(kit, "pilot", permissions=("a:b",)))).reason == "PERMISSION_MISSING"
    [event] = await told(kit, database)
    assert event.details["times"] == "50"


@pytest.mark.capability("A8")
async def test_a_tenant_that_is_denied_in_many_ways_crowds_out_nobody_and_its_log_says_what_is_missing(
    kit: KitServer, database: Database
) -> None:
    for number in range(MOST_OF_A_TENANT + 7):
        kit.audit.note(denial("acme", f"roles/{number}"))
    kit.audit.note(denial("acme", "roles/0"))
    kit.audit.note(denial("other", "roles/0"))
    events = await told(kit, database)
    assert [event.resource for event in events if event.tenant == "other"] == ["roles/0"]
    own = [event for event in events if event.tenant == "acme"]
    assert own[0].details["times"] == "2"
    assert len(own) == MOST_OF_A_TENANT + 1
    assert (own[-1].action, own[-1].actor, own[-1].details["times"]) == ("audit.events_dropped", "-", "7")
    kit.audit.note(denial("acme", "roles/later"))
    assert (await told(kit, database))[-1].resource == "roles/later", "there is room again once they are stored"


@pytest.mark.capability("A6")
async def test_methods_of_the_installation_serve_the_first_tenant_only(kit: KitServer) -> None:
    stub = tenant_service_pb2_grpc.TenantServiceStub(kit.channel)
    request = tenant_service_pb2.ListTenantsRequest()
    await stub.ListTenants(request, metadata=kit.mint.bearer())
    other = stub.ListTenants(request, metadata=kit.mint.bearer(tenant="acme"))
    assert (await refusal(other)).reason == "FIRST_TENANT_ONLY"


@pytest.mark.capability("A2")
async def test_a_token_is_refused_from_the_moment_its_revocation_is_known(kit: KitServer) -> None:
    stub = tenant_service_pb2_grpc.TenantServiceStub(kit.channel)
    bearer = kit.mint.bearer(subject="user:jane")
    await stub.ListTenants(tenant_service_pb2.ListTenantsRequest(), metadata=bearer)
    kit.admission.revocations.apply(
        Revocation("default", RevocationKind.SUBJECT, "user:jane", revoke_time=4e9, expire_time=5e9)
    )
    again = stub.ListTenants(tenant_service_pb2.ListTenantsRequest(), metadata=bearer)
    assert (await refusal(again)).reason == "TOKEN_REVOKED"


def test_a_template_that_names_no_field_is_refused() -> None:
    request, answer = policy_service_pb2.CreateRoleRequest, policy_service_pb2.CreateRoleResponse
    with pytest.raises(ResourceUnknown, match=r"role\.title"):
        AuditedResource("roles/{role.title}", request, answer)
    resource = AuditedResource("roles/{role.name}", request, answer)
    assert resource.name(request(name="a")) == "roles/"
