import asyncio
from datetime import datetime
from functools import partial
from uuid import uuid4

import asyncpg
import grpc
import jwt
import pytest
from harness.auth_service import Auth, Bearer, bearer
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.refusal import Refusal, read_refusal, refusal
from rookery.auth.v1 import policy_service_pb2, policy_service_pb2_grpc, role_pb2


class Policies:
    """PolicyService as one caller; its requests by field."""

    def __init__(self, auth: Auth, metadata: Bearer) -> None:
        self._stub = policy_service_pb2_grpc.PolicyServiceStub(auth.channel)
        self._metadata = metadata

    async def create(self, name: str, *permissions: str, request_id: str = "") -> role_pb2.Role:
        request = policy_service_pb2.CreateRoleRequest(name=name, permissions=permissions, request_id=request_id)
        return (await self._stub.CreateRole(request, metadata=self._metadata)).role

    async def update(self, name: str, *paths: str, **fields: object) -> role_pb2.Role:
        request = policy_service_pb2.UpdateRoleRequest(name=name, **fields)  # type: ignore[arg-type]
        request.update_mask.paths.extend(paths)
        return (await self._stub.UpdateRole(request, metadata=self._metadata)).role

    async def delete(self, name: str, etag: str = "") -> None:
        request = policy_service_pb2.DeleteRoleRequest(name=name, etag=etag)
        await self._stub.DeleteRole(request, metadata=self._metadata)

    async def bind(self, subject: str, role: str) -> role_pb2.RoleBinding:
        request = policy_service_pb2.BindRoleRequest(subject=subject, role=role)
        return (await self._stub.BindRole(request, metadata=self._metadata)).binding

    async def unbind(self, subject: str, role: str) -> None:
        request = policy_service_pb2.UnbindRoleRequest(subject=subject, role=role)
        await self._stub.UnbindRole(request, metadata=self._metadata)

    async def roles(self, **fields: object) -> policy_service_pb2.ListRolesResponse:
        request = policy_service_pb2.ListRolesRequest(**fields)  # type: ignore[arg-type]
        return await self._stub.ListRoles(request, metadata=self._metadata)

    async def bindings(self, **fields: object) -> policy_service_pb2.ListBindingsResponse:
        request = policy_service_pb2.ListBindingsRequest(**fields)  # type: ignore[arg-type]
        return await self._stub.ListBindings(request, metadata=self._metadata)

    async def check(self, **fields: object) -> policy_service_pb2.CheckPermissionResponse:
        request = policy_service_pb2.CheckPermissionRequest(**fields)  # type: ignore[arg-type]
        return await self._stub.CheckPermission(request, metadata=self._metadata)


@pytest.fixture
async def policies(auth: Auth) -> Policies:
    return Policies(auth, await auth.administrator())


def told(refused: Refusal) -> tuple[grpc.StatusCode, str]:
    return refused.code, refused.reason


@pytest.mark.capability("A5")
async def test_a_role_is_created_read_changed_and_deleted(policies: Policies) -> None:
    request_id = str(uuid4())
    role = await policies.create("scribe", "messages:read", "topics:*", request_id=request_id)
    assert await policies.create("scribe", "messages:read", "topics:*", request_id=request_id) == role
    assert list(role.permissions) == ["messages:read", "topics:*"]
    listed = {each.name: each for each in (await policies.roles()).roles}
    assert listed["scribe"] == role
    assert listed["admin"].built_in
    assert not listed["admin"].etag
    updated = await policies.update("scribe", "description", description="writes", etag=role.etag)
    assert (updated.description, updated.permissions) == ("writes", role.permissions)
    stale = await refusal(policies.update("scribe", "description", description="x", etag=role.etag))
    assert told(stale) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    await policies.delete("scribe", updated.etag)
    gone = await refusal(policies.delete("scribe"))
    assert told(gone) == (grpc.StatusCode.NOT_FOUND, "ROLE_NOT_FOUND")


@pytest.mark.capability("A5")
async def test_names_are_taken_once_and_built_in_roles_stay_as_they_are(policies: Policies) -> None:
    await policies.create("scribe", "messages:read")
    exists = (grpc.StatusCode.ALREADY_EXISTS, "ROLE_EXISTS")
    assert told(await refusal(policies.create("scribe", "topics:read"))) == exists
    assert told(await refusal(policies.create("observer", "topics:read"))) == exists
    built_in = (grpc.StatusCode.FAILED_PRECONDITION, "ROLE_BUILT_IN")
    assert told(await refusal(policies.update("observer", "description", description="x"))) == built_in
    assert told(await refusal(policies.delete("observer"))) == built_in
    unknown = (grpc.StatusCode.NOT_FOUND, "ROLE_NOT_FOUND")
    assert told(await refusal(policies.bind("user:jane", "wizard"))) == unknown
    unbound = (grpc.StatusCode.NOT_FOUND, "BINDING_NOT_FOUND")
    assert told(await refusal(policies.unbind("user:jane", "scribe"))) == unbound


@pytest.mark.capability("A5")
async def test_a_token_carries_bound_and_own_roles_and_not_those_that_are_gone(auth: Auth, policies: Policies) -> None:
    await policies.create("scribe", "messages:read")
    await policies.create("herald", "topics:publish")
    key = await auth.api_key(subject="user:jane", roles=["scribe"])
    binding = await policies.bind("user:jane", "herald")
    assert (binding.creator, await policies.bind("user:jane", "herald")) == ("user:admin", binding)
    issued = await auth.issue(api_key=key.secret)
    assert list(issued.roles) == ["scribe", "herald"]
    assert set((await auth.introspect(issued.access_token)).scopes) == {"messages:read", "topics:publish"}
    await policies.delete("scribe")
    assert list((await auth.issue(api_key=key.secret)).roles) == ["herald"]
    assert [each.role for each in (await policies.bindings(subject="user:jane")).bindings] == ["herald"]


@pytest.mark.capability("A5")
@pytest.mark.parametrize("narrowing", ["update", "delete", "unbind"])
async def test_what_narrows_makes_the_tokens_that_carry_it_be_refused(
    auth: Auth, policies: Policies, narrowing: str
) -> None:
    await policies.create("scribe", "roles:read", "messages:read")
    await policies.bind("user:jane", "scribe")
    key = await auth.api_key(subject="user:jane", roles=["agent"])
    jane = Policies(auth, bearer((await auth.issue(api_key=key.secret)).access_token))
    bystander = Policies(auth, bearer((await auth.enrolled("observer")).access_token))
    assert (await jane.check(permission="messages:read")).allowed
    await policies.update("scribe", "permissions", permissions=["roles:read", "messages:read", "topics:read"])
    assert (await jane.check(permission="messages:read")).allowed
    match narrowing:
        case "update":
            await policies.update("scribe", "permissions", permissions=["roles:read"])
        case "delete":
            await policies.delete("scribe")
        case _:
            await policies.unbind("user:jane", "scribe")

    async def refused() -> bool:
        try:
            await jane.check(permission="messages:read")
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.UNAUTHENTICATED
        return False

    await eventually(refused, within=2.0)
    assert (await bystander.check(permission="tasks:read")).allowed
    fresh = await auth.issue(api_key=key.secret)
    assert (await auth.introspect(fresh.access_token)).active


@pytest.mark.capability("A5")
async def test_nobody_creates_changes_or_binds_a_role_that_permits_more_than_they_may(
    auth: Auth, policies: Policies
) -> None:
    missing = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    await policies.create("steward", "roles:create", "roles:update", "roles:bind", "roles:read", "tasks:read")
    await policies.create("strong", "tasks:*")
    key = await auth.api_key(subject="user:stewart", roles=["steward"])
    steward = Policies(auth, bearer((await auth.issue(api_key=key.secret)).access_token))
    refused = await refusal(steward.create("mine", "tasks:read", "tasks:cancel"))
    assert told(refused) == missing
    assert refused.metadata == {"permission": "tasks:cancel"}
    await steward.create("mine", "tasks:read")
    assert told(await refusal(steward.update("mine", "permissions", permissions=["*:*"]))) == missing
    assert told(await refusal(steward.update("strong", "description", description="x"))) == missing
    for role in ("strong", "admin", "observer"):
        assert told(await refusal(steward.bind("user:stewart", role))) == missing
    await steward.bind("user:joe", "mine")


@pytest.mark.capability("A5")
async def test_of_two_changes_on_one_etag_one_wins(policies: Policies) -> None:
    role = await policies.create("scribe", "messages:read")
    changes = (policies.update("scribe", "description", description=f"{n}", etag=role.etag) for n in range(2))
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    won = [each for each in outcomes if isinstance(each, role_pb2.Role)]
    lost = [read_refusal(each).reason for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
    assert (len(won), lost) == (1, ["ETAG_MISMATCH"])
    request_id = str(uuid4())
    same = await asyncio.gather(*(policies.create("herald", "tasks:read", request_id=request_id) for _ in range(4)))
    assert len({each.SerializeToString(deterministic=True) for each in same}) == 1


@pytest.mark.capability("A5")
async def test_a_check_says_why(auth: Auth, policies: Policies) -> None:
    await policies.create("scribe", "messages:*")
    await auth.api_key(subject="user:jane", roles=["observer", "tech-lead"], scopes=["tasks:read"])
    await policies.bind("user:jane", "scribe")
    answer = await policies.check(subject="user:jane", permission="messages:purge")
    assert answer.allowed
    assert [(each.role, each.permission, each.source) for each in answer.grants] == [
        ("scribe", "messages:*", "binding")
    ]
    by_key = await policies.check(subject="user:jane", permission="tasks:read")
    assert {(each.role, each.permission, each.source) for each in by_key.grants} == {
        ("observer", "tasks:read", "credential"),
        ("tech-lead", "tasks:read", "credential"),
    }
    assert "tech-lead (credential) permits tasks:read" in by_key.explanation
    narrowed = await policies.check(subject="user:jane", permission="agents:manage")
    assert not narrowed.allowed
    method = await policies.check(method="rookery.auth.v1.TenantService/DeleteTenant")
    assert (method.allowed, method.permission) == (True, "tenants:delete")
    assert [(each.role, each.source) for each in method.grants] == [("admin", "token")]
    public = await policies.check(subject="user:nobody", method="/rookery.auth.v1.TokenService/GetJwks")
    assert (public.allowed, public.permission) == (True, "")
    unknown = await refusal(policies.check(method="rookery.auth.v1.TokenService/Wish"))
    assert unknown.fields == ("method",)


async def test_roles_and_bindings_are_paged(policies: Policies) -> None:
    await policies.create("zeal", "tasks:read")
    names, token = list[str](), ""
    while not names or token:
        page = await policies.roles(page_size=3, page_token=token)
        names, token = [*names, *(role.name for role in page.roles)], page.next_page_token
    assert names == sorted(names)
    assert len(names) == 8
    subjects = ["user:ada", "user:ben", "user:cyd"]
    for subject in subjects:
        await policies.bind(subject, "observer")
    first = await policies.bindings(page_size=2)
    rest = await policies.bindings(page_size=2, page_token=first.next_page_token)
    assert [each.subject for each in (*first.bindings, *rest.bindings)] == subjects
    other = await refusal(policies.bindings(role="observer", page_token=first.next_page_token))
    assert other.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.capability("A5")
async def test_a_role_made_anew_under_its_name_is_not_in_older_credentials(auth: Auth, policies: Policies) -> None:
    await policies.create("deploy", "tasks:read")
    key = await auth.api_key(subject="user:old", roles=["deploy", "observer"])
    token = await auth.enrollment(roles=["deploy"])
    agent = await auth.enrolled("deploy")
    await policies.delete("deploy")
    await policies.create("deploy", "*:*")
    assert list((await auth.issue(api_key=key.secret)).roles) == ["observer"]
    assert list((await auth.issue(refresh_token=agent.refresh_token)).roles) == []
    assert list((await auth.issue(enrollment_token=token.secret)).roles) == []


async def waiting(connection: "asyncpg.Connection[asyncpg.Record]", number: int) -> bool:
    """Whether so many wait for the outbox."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'auth.outbox'::regclass"
    return bool(await connection.fetchval(query) >= number)


async def reached(connection: "asyncpg.Connection[asyncpg.Record]", time: datetime) -> bool:
    """Whether the second after a time has begun."""
    query = "SELECT clock_timestamp() >= date_trunc('second', $1::timestamptz) + interval '1 second'"
    return bool(await connection.fetchval(query, time))


@pytest.mark.capability("A5")
async def test_a_token_issued_while_its_role_is_being_narrowed_is_refused_afterwards(
    auth: Auth, policies: Policies, fresh_database: FreshDatabase
) -> None:
    await policies.create("deploy", "tasks:read", "tasks:create")
    key = await auth.api_key(subject="user:deployer", roles=["deploy"])

    async def issued_meanwhile() -> str:
        """A token that was issued while the narrowing stood in the database and its commit waited."""
        blocker = await asyncpg.connect(fresh_database.admin_url)
        try:
            await blocker.execute("BEGIN; LOCK TABLE auth.outbox IN SHARE ROW EXCLUSIVE MODE")
            narrowing = asyncio.ensure_future(policies.update("deploy", "permissions", permissions=["tasks:read"]))
            await eventually(partial(waiting, blocker, 1))
            # So that a time in whole seconds would show as well that the token is the younger.
            await eventually(partial(reached, blocker, await blocker.fetchval("SELECT clock_timestamp()")))
            issuing = asyncio.ensure_future(auth.issue(api_key=key.secret))
            await eventually(partial(waiting, blocker, 2))
        finally:
            await blocker.close()
        stale = (await issuing).access_token
        await narrowing
        if "tasks:create" not in jwt.decode(stale, options={"verify_signature": False})["scope"].split():
            # Somebody else waited for the outbox, and the token was issued afterwards.
            await policies.update("deploy", "permissions", permissions=["tasks:read", "tasks:create"])
            raise AssertionError("the token says nothing that has been taken away")
        return stale

    # A narrowing whose commit would come too late is not made, and may be repeated.
    stale = await eventually(issued_meanwhile, within=30, retry=(grpc.aio.AioRpcError, AssertionError))

    async def refused() -> bool:
        return not (await auth.introspect(stale)).active

    await eventually(refused, within=2)
    fresh = (await auth.issue(api_key=key.secret)).access_token
    assert list((await auth.introspect(fresh)).scopes) == ["tasks:read"]
