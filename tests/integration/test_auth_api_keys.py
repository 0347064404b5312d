from uuid import uuid4

import grpc
import jwt
import pytest
from google.protobuf.duration_pb2 import Duration
from harness.auth_service import Auth, bearer, running_auth
from harness.eventually import eventually
from harness.refusal import read_refusal, refusal
from harness.tenants import Tenants
from rookery.auth.v1 import (
    api_key_pb2,
    api_key_service_pb2,
    policy_service_pb2,
    policy_service_pb2_grpc,
    tenant_pb2,
    token_service_pb2,
)
from rookery_auth.settings import AuthSettings
from rookery_kit.built_in_roles import BUILT_IN_ROLES


async def get(auth: Auth, key_id: str) -> api_key_pb2.ApiKey:
    request = api_key_service_pb2.GetApiKeyRequest(api_key_id=key_id)
    return (await auth.api_keys.GetApiKey(request, metadata=await auth.administrator())).api_key


async def rotate(auth: Auth, key_id: str, **fields: object) -> api_key_service_pb2.RotateApiKeyResponse:
    request = api_key_service_pb2.RotateApiKeyRequest(api_key_id=key_id, **fields)  # type: ignore[arg-type]
    return await auth.api_keys.RotateApiKey(request, metadata=await auth.administrator())


async def revoke(auth: Auth, key_id: str) -> api_key_pb2.ApiKey:
    request = api_key_service_pb2.RevokeApiKeyRequest(api_key_id=key_id)
    return (await auth.api_keys.RevokeApiKey(request, metadata=await auth.administrator())).api_key


@pytest.mark.capability("A4")
async def test_a_key_earns_tokens_that_its_scopes_narrow_and_that_bear_its_rate(auth: Auth) -> None:
    made = await auth.api_key(
        subject="user:ci", roles=["developer"], scopes=["tasks:*", "signing_keys:*"], requests_per_second=7
    )
    assert made.secret.startswith(f"rkk_{made.api_key.id.replace('-', '')}")
    issued = await auth.issue(api_key=made.secret)
    assert (issued.subject, list(issued.roles), issued.refresh_token) == ("user:ci", ["developer"], "")
    claims = jwt.decode(issued.access_token, options={"verify_signature": False})
    assert set(claims["scope"].split()) == {each for each in BUILT_IN_ROLES["developer"] if each.startswith("tasks:")}
    assert (claims["sid"], claims["rate"]) == ([made.api_key.id], 7)


@pytest.mark.capability("A4")
async def test_a_secret_is_shown_once_and_again_only_to_the_same_request(auth: Auth) -> None:
    request_id, administrator = str(uuid4()), await auth.administrator()
    first = await auth.api_key(administrator, request_id=request_id)
    assert await auth.api_key(administrator, request_id=request_id) == first
    refused = await refusal(auth.api_key(administrator, request_id=request_id, roles=["observer"]))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert await get(auth, first.api_key.id) == first.api_key


@pytest.mark.capability("A4")
async def test_after_a_rotation_both_secrets_are_good_and_after_the_next_the_oldest_is_not(auth: Auth) -> None:
    made = await auth.api_key()
    request_id = str(uuid4())
    second = await rotate(auth, made.api_key.id, request_id=request_id)
    assert await rotate(auth, made.api_key.id, request_id=request_id) == second
    assert second.api_key.generation == 2
    for secret in (made.secret, second.secret):
        assert (await auth.issue(api_key=secret)).subject == made.api_key.subject
    third = await rotate(auth, made.api_key.id)
    assert (await refusal(auth.issue(api_key=made.secret))).reason == "CREDENTIAL_INVALID"
    assert (await auth.issue(api_key=second.secret)).subject
    last = await rotate(auth, made.api_key.id, overlap=Duration())
    assert (await refusal(auth.issue(api_key=third.secret))).reason == "CREDENTIAL_INVALID"
    assert (await auth.issue(api_key=last.secret)).subject


async def test_a_rotation_repeated_with_another_overlap_is_refused(auth: Auth) -> None:
    made, request_id = await auth.api_key(), str(uuid4())
    await rotate(auth, made.api_key.id, request_id=request_id)
    refused = await refusal(rotate(auth, made.api_key.id, request_id=request_id, overlap=Duration(seconds=5)))
    assert refused.reason == "REQUEST_ID_REUSED"


@pytest.mark.capability("A4")
async def test_a_revoked_key_earns_nothing_and_all_it_has_earned_is_refused(auth: Auth) -> None:
    made = await auth.api_key(roles=["observer"])
    token = (await auth.issue(api_key=made.secret)).access_token
    assert (await auth.introspect(token)).active
    revoked = await revoke(auth, made.api_key.id)
    assert revoked.HasField("revoke_time")
    assert await revoke(auth, made.api_key.id) == revoked
    assert (await refusal(auth.issue(api_key=made.secret))).reason == "CREDENTIAL_INVALID"

    async def refused() -> bool:
        return not (await auth.introspect(token)).active

    await eventually(refused, within=2)
    ended = await refusal(rotate(auth, made.api_key.id))
    assert (ended.code, ended.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "API_KEY_ENDED")


@pytest.mark.capability("A4")
async def test_an_expired_key_earns_nothing_and_no_token_outlives_its_key(auth: Auth) -> None:
    lasting = await auth.api_key(ttl=Duration(seconds=60))
    issued = await auth.issue(api_key=lasting.secret)
    assert issued.access_expire_time.seconds <= lasting.api_key.expire_time.seconds
    brief = await auth.api_key(ttl=Duration(seconds=1))

    async def expired() -> bool:
        try:
            await auth.issue(api_key=brief.secret)
        except grpc.aio.AioRpcError as error:
            return read_refusal(error).reason == "CREDENTIAL_INVALID"
        return False

    await eventually(expired, within=5)


@pytest.mark.capability("A4")
async def test_when_a_key_was_last_used_is_written_in_time_and_at_a_stop(auth_settings: AuthSettings) -> None:
    async with running_auth(auth_settings) as auth:
        made = await auth.api_key()
        assert not made.api_key.HasField("last_use_time")
        await auth.issue(api_key=made.secret)
    async with running_auth(auth_settings) as auth:
        assert (await get(auth, made.api_key.id)).HasField("last_use_time")


@pytest.mark.capability("A4")
async def test_keys_are_listed_newest_first_page_by_page_and_by_subject(auth: Auth) -> None:
    administrator = await auth.administrator()
    made = [(await auth.api_key(administrator, subject=f"user:u{number % 2}")).api_key.id for number in range(5)]
    listed: list[str] = []
    token = ""
    while True:
        page = await auth.api_keys.ListApiKeys(
            api_key_service_pb2.ListApiKeysRequest(page_size=2, page_token=token), metadata=administrator
        )
        listed += [key.id for key in page.api_keys]
        token = page.next_page_token
        if not token:
            break
    assert listed[:5] == made[::-1]
    assert len(listed) == 6
    of_one = await auth.api_keys.ListApiKeys(
        api_key_service_pb2.ListApiKeysRequest(subject="user:u1"), metadata=administrator
    )
    assert [key.id for key in of_one.api_keys] == [made[3], made[1]]
    nobodys = api_key_service_pb2.ListApiKeysRequest(subject="x y")
    assert (await refusal(auth.api_keys.ListApiKeys(nobodys, metadata=administrator))).fields == ("subject",)


@pytest.mark.capability("A4")
async def test_nobody_makes_or_rotates_a_key_that_permits_more_than_they_may(auth: Auth) -> None:
    policies = policy_service_pb2_grpc.PolicyServiceStub(auth.channel)
    administrator = await auth.administrator()
    role = policy_service_pb2.CreateRoleRequest(name="key-keeper", permissions=["api_keys:*", "tasks:read"])
    await policies.CreateRole(role, metadata=administrator)
    keeper = bearer((await auth.enrolled("key-keeper")).access_token)
    refused = await refusal(auth.api_key(keeper, roles=["tester"]))
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    own = await auth.api_key(administrator, subject="user:keeper", roles=["key-keeper"])
    keeper = bearer((await auth.issue(api_key=own.secret)).access_token)
    refused = await refusal(auth.api_key(keeper, roles=["tester"]))
    assert (refused.code, refused.metadata["permission"]) == (grpc.StatusCode.PERMISSION_DENIED, "agents:read")
    assert (await auth.api_key(keeper, roles=["tester"], scopes=["tasks:read"])).api_key.subject == "user:keeper"
    # What is bound to the subject counts, too, for it would be in the tokens.
    bind = policy_service_pb2.BindRoleRequest(subject="user:keeper", role="admin")
    await policies.BindRole(bind, metadata=administrator)
    refused = await refusal(auth.api_key(keeper, roles=["key-keeper"]))
    assert refused.reason == "PERMISSION_MISSING"
    wide = await auth.api_key(administrator, subject="user:y", roles=["admin"])
    request = api_key_service_pb2.RotateApiKeyRequest(api_key_id=wide.api_key.id)
    assert (await refusal(auth.api_keys.RotateApiKey(request, metadata=keeper))).reason == "PERMISSION_MISSING"
    unknown = await refusal(auth.api_key(administrator, roles=["no-such-role"]))
    assert (unknown.code, unknown.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ("roles",))


@pytest.mark.capability("A4")
async def test_a_key_for_somebody_else_takes_every_permission_for_it_permits_what_is_bound_later(auth: Auth) -> None:
    policies = policy_service_pb2_grpc.PolicyServiceStub(auth.channel)
    administrator = await auth.administrator()
    role = policy_service_pb2.CreateRoleRequest(name="key-keeper", permissions=["api_keys:*", "tasks:read"])
    await policies.CreateRole(role, metadata=administrator)
    own = await auth.api_key(administrator, subject="user:keeper", roles=["key-keeper"])
    keeper = await auth.issue(api_key=own.secret)
    other = await auth.api_key(administrator, subject="user:new-hire", roles=["key-keeper"])
    rotation = api_key_service_pb2.RotateApiKeyRequest(api_key_id=other.api_key.id)
    # Who acts for the keeper would come by a lasting credential of the keeper.
    exchange = token_service_pb2.TokenExchange(subject_token=keeper.access_token, actor_token=keeper.access_token)
    acting = bearer((await auth.issue(token_exchange=exchange)).access_token)
    by_keeper = bearer(keeper.access_token)
    for call in (
        auth.api_key(by_keeper, subject="user:new-hire", roles=["key-keeper"]),
        auth.api_keys.RotateApiKey(rotation, metadata=by_keeper),
        auth.api_key(acting, roles=["key-keeper"]),
    ):
        refused = await refusal(call)
        assert (refused.code, refused.metadata) == (grpc.StatusCode.PERMISSION_DENIED, {"permission": "*:*"})
    rotation = api_key_service_pb2.RotateApiKeyRequest(api_key_id=own.api_key.id)
    assert (await auth.api_keys.RotateApiKey(rotation, metadata=by_keeper)).secret


@pytest.mark.capability("A4")
async def test_a_request_id_in_capitals_gives_credentials_that_are_good_and_repeats_the_other_spelling(
    auth: Auth,
) -> None:
    made, request_id = await auth.api_key(), str(uuid4())
    rotated = await rotate(auth, made.api_key.id, request_id=request_id.upper())
    assert await rotate(auth, made.api_key.id, request_id=request_id) == rotated
    assert (await auth.issue(api_key=rotated.secret)).subject == made.api_key.subject
    token = (await auth.enrollment()).secret
    agent = await auth.issue(request_id.upper(), enrollment_token=token)
    assert (await auth.issue(request_id, enrollment_token=token)).refresh_token == agent.refresh_token
    assert (await auth.issue(refresh_token=agent.refresh_token)).subject == agent.subject


@pytest.mark.capability("A4")
async def test_a_repeated_creation_tells_no_secret_once_the_key_was_rotated(auth: Auth) -> None:
    request_id, administrator = str(uuid4()), await auth.administrator()
    made = await auth.api_key(administrator, request_id=request_id)
    await rotate(auth, made.api_key.id)
    again = await auth.api_key(administrator, request_id=request_id)
    assert (again.api_key.id, again.secret) == (made.api_key.id, "")


async def test_a_key_that_is_not_there_is_not_found(auth: Auth) -> None:
    for call in (get(auth, str(uuid4())), rotate(auth, str(uuid4())), revoke(auth, str(uuid4()))):
        refused = await refusal(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "API_KEY_NOT_FOUND")


@pytest.mark.capability("A4")
async def test_a_tenant_has_as_many_keys_as_its_quota_allows_and_sees_its_own_alone(auth: Auth) -> None:
    tenants = Tenants(auth.channel, await auth.administrator())
    created = await tenants.create("acme", quotas=tenant_pb2.Quotas(max_api_keys=2))
    acme = bearer((await auth.issue(api_key=created.administrator_secret)).access_token)
    kept: list[str] = []

    async def is_full() -> bool:
        # The quota is known here once auth has heard its own announcement; until then a key too many may pass.
        try:
            kept.append((await auth.api_key(acme)).api_key.id)
        except grpc.aio.AioRpcError as error:
            refused = read_refusal(error)
            return (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
        return False

    await eventually(is_full)
    for key_id in kept[1:]:
        request = api_key_service_pb2.RevokeApiKeyRequest(api_key_id=key_id)
        await auth.api_keys.RevokeApiKey(request, metadata=acme)
    # What is revoked takes no room; the administrator's own key does.
    one = api_key_service_pb2.RevokeApiKeyRequest(api_key_id=kept[0])
    await auth.api_keys.RevokeApiKey(one, metadata=acme)
    assert (await auth.api_key(acme)).secret
    listed = await auth.api_keys.ListApiKeys(api_key_service_pb2.ListApiKeysRequest(), metadata=acme)
    assert len(listed.api_keys) == len(kept) + 2
    for key_id in kept:
        refused = await refusal(get(auth, key_id))
        assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "API_KEY_NOT_FOUND")
