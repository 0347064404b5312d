import asyncio
import base64
import os
from uuid import uuid4

import jwt
import psycopg
import pytest
from harness.auth_service import Auth, bearer, running_auth
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.refusal import refusal
from harness.suite import Suite
from pydantic import SecretStr
from rookery.auth.v1 import key_service_pb2, key_service_pb2_grpc, signing_key_pb2, token_service_pb2
from rookery.auth.v1 import token_service_pb2_grpc as tokens_grpc
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc
from rookery_auth.settings import AuthSettings
from rookery_kit.errors import CannotStart

PENDING = signing_key_pb2.SIGNING_KEY_STATE_PENDING
ACTIVE = signing_key_pb2.SIGNING_KEY_STATE_ACTIVE
RETIRING = signing_key_pb2.SIGNING_KEY_STATE_RETIRING
RETIRED = signing_key_pb2.SIGNING_KEY_STATE_RETIRED


async def rotate(auth: Auth, **fields: object) -> signing_key_pb2.SigningKey:
    request = key_service_pb2.RotateSigningKeyRequest(**fields)  # type: ignore[arg-type]
    return (await auth.signing_keys.RotateSigningKey(request, metadata=await auth.administrator())).signing_key


async def states(auth: Auth) -> dict[str, int]:
    request = key_service_pb2.ListSigningKeysRequest()
    answer = await auth.signing_keys.ListSigningKeys(request, metadata=await auth.administrator())
    return {key.kid: key.state for key in answer.signing_keys}


async def published(auth: Auth) -> set[str]:
    return {key.kid for key in (await auth.tokens.GetJwks(token_service_pb2.GetJwksRequest())).keys}


async def signs(auth: Auth) -> str:
    """The id of the key that signs."""
    token = (await auth.administrator())[0][1].removeprefix("Bearer ")
    return str(jwt.get_unverified_header(token)["kid"])


@pytest.mark.capability("A3")
async def test_a_new_key_is_published_before_it_signs_and_the_old_one_verifies_on(auth_settings: AuthSettings) -> None:
    settings = auth_settings.model_copy(update={"signing_key_activation_seconds": 5})
    async with running_auth(settings) as auth:
        first = await signs(auth)
        old = (await auth.enrolled()).access_token
        request_id = str(uuid4())
        second = await rotate(auth, request_id=request_id)
        assert await rotate(auth, request_id=request_id) == second
        assert (second.state, await states(auth)) == (PENDING, {first: ACTIVE, second.kid: PENDING})
        assert await signs(auth) == first
        assert (await refusal(rotate(auth))).reason == "ROTATION_IN_PROGRESS"

        async def is_published() -> bool:
            return await published(auth) == {first, second.kid}

        async def has_taken_over() -> bool:
            return await signs(auth) == second.kid

        await eventually(is_published, within=3)
        await eventually(has_taken_over, within=10)
        assert await states(auth) == {first: RETIRING, second.kid: ACTIVE}
        assert await published(auth) == {first, second.kid}
        assert (await auth.introspect(old)).active


@pytest.mark.capability("A3")
async def test_a_compromised_key_ends_at_once_with_all_that_it_has_signed(
    auth: Auth, fresh_database: FreshDatabase
) -> None:
    first = await signs(auth)
    token = (await auth.enrolled()).access_token
    second = await rotate(auth, compromised=True)
    assert second.state == ACTIVE

    async def has_ended() -> bool:
        return await published(auth) == {second.kid} and await signs(auth) == second.kid

    await eventually(has_ended, within=3)
    assert (await states(auth))[first] == RETIRED
    request = token_service_pb2.RevokeTokenRequest(token=token)
    refused = await refusal(auth.tokens.RevokeToken(request, metadata=bearer(token)))
    assert refused.reason == "TOKEN_INVALID"

    async def is_wiped() -> bool:
        query = "SELECT kid FROM auth.signing_keys WHERE encrypted_private IS NULL"
        async with await psycopg.AsyncConnection.connect(fresh_database.admin_url) as connection:
            rows = await (await connection.execute(query)).fetchall()
        return rows == [(first,)]

    await eventually(is_wiped, within=5)


@pytest.mark.capability("A3")
async def test_two_replicas_agree_on_the_key_that_signs(auth_settings: AuthSettings) -> None:
    async with running_auth(auth_settings) as one, running_auth(auth_settings) as other:
        assert await signs(one) == await signs(other)
        key = await rotate(one, compromised=True)

        async def agree() -> bool:
            return (await signs(one), await signs(other)) == (key.kid, key.kid)

        await eventually(agree, within=5)


@pytest.mark.capability("A3")
async def test_the_master_key_comes_from_a_file_or_the_environment_and_not_from_both(
    auth_settings: AuthSettings,
) -> None:
    text = SecretStr(base64.b64encode(os.urandom(32)).decode())
    given = auth_settings.model_copy(update={"master_key": text, "master_key_file": None})
    async with running_auth(given) as auth:
        assert await signs(auth)
    refused = {
        "not as both": auth_settings.model_copy(update={"master_key": text}),
        "there is no master key": auth_settings.model_copy(update={"master_key_file": None}),
        "is weak": given.model_copy(update={"master_key": SecretStr(base64.b64encode(b"x" * 32).decode())}),
    }
    for says, settings in refused.items():
        with pytest.raises(CannotStart, match=says) as caught:
            async with running_auth(settings):
                pass
        assert text.get_secret_value() not in str(caught.value)


class Client:
    """One of many who call the registry without pause, each with a token of its own that it renews now and then."""

    def __init__(self, suite: Suite) -> None:
        self._tokens = tokens_grpc.TokenServiceStub(suite.channel("auth"))
        self._agents = agent_service_pb2_grpc.AgentServiceStub(suite.channel("registry"))
        self._api_key = suite.api_key
        self.calls = 0
        self.kids: set[str] = set()

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            request = token_service_pb2.IssueTokenRequest(api_key=self._api_key)
            token = (await self._tokens.IssueToken(request, timeout=10)).token_set.access_token
            self.kids.add(str(jwt.get_unverified_header(token)["kid"]))
            for _ in range(10):
                await self._agents.ListAgents(agent_service_pb2.ListAgentsRequest(), metadata=bearer(token), timeout=10)
                self.calls += 1


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"auth": {"SIGNING_KEY_ACTIVATION_SECONDS": "5"}}


@pytest.mark.capability("A3")
async def test_no_request_fails_while_the_keys_rotate_twice_under_load(suite: Suite) -> None:
    keys = key_service_pb2_grpc.KeyServiceStub(suite.channel("auth"))
    clients, stop = [Client(suite) for _ in range(32)], asyncio.Event()
    working = [asyncio.create_task(client.work(stop)) for client in clients]
    try:
        for _ in range(2):
            rotated = await keys.RotateSigningKey(
                key_service_pb2.RotateSigningKeyRequest(), metadata=await suite.administrator()
            )
            kid = rotated.signing_key.kid

            def all_use_it(kid: str = kid) -> bool:
                assert not any(task.done() for task in working), "a client has failed"
                return all(kid in client.kids for client in clients)

            await eventually(all_use_it, within=60, retry=())
    finally:
        stop.set()
        results = await asyncio.gather(*working, return_exceptions=True)
    assert results == [None] * len(clients)
    assert all(client.calls > 10 for client in clients)
