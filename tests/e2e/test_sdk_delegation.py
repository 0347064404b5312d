from collections.abc import AsyncIterator

import pytest
from harness.eventually import eventually
from harness.sdk_agents import context_of
from harness.suite import Suite
from rookery.auth.v1 import api_key_service_pb2, token_service_pb2
from rookery.registry.v1 import agent_service_pb2
from rookery_sdk import Client, PermissionDenied, Unauthenticated


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


async def key_for(client: Client, subject: str, *roles: str) -> str:
    request = api_key_service_pb2.CreateApiKeyRequest(display_name="test", subject=subject, roles=roles)
    return (await client.api_keys.CreateApiKey(request)).secret


async def introspected(client: Client, token: str) -> token_service_pb2.IntrospectTokenResponse:
    return await client.token_service.IntrospectToken(token_service_pb2.IntrospectTokenRequest(token=token))


@pytest.mark.capability("A2")
async def test_a_client_whose_token_is_revoked_earns_another_and_goes_on(suite: Suite, client: Client) -> None:
    async with Client.connect(context_of(suite), api_key=await key_for(client, "user:jane", "observer")) as jane:
        await jane.agents.ListAgents(agent_service_pb2.ListAgentsRequest())
        before = (await jane.access.current()).value
        await client.token_service.RevokeToken(token_service_pb2.RevokeTokenRequest(subject="user:jane"))

        async def has_another() -> bool:
            await jane.agents.ListAgents(agent_service_pb2.ListAgentsRequest())
            return (await jane.access.current()).value != before

        await eventually(has_another, within=3, retry=())


@pytest.mark.capability("A11")
async def test_a_client_acts_for_another_that_lets_it(suite: Suite, client: Client) -> None:
    owner_key = await key_for(client, "user:owner", "developer")
    actor_key = await key_for(client, "user:actor", "tester")
    other_key = await key_for(client, "user:other", "tester")
    async with (
        Client.connect(context_of(suite), api_key=owner_key) as owner,
        Client.connect(context_of(suite), api_key=actor_key) as actor,
        Client.connect(context_of(suite), api_key=other_key) as other,
    ):
        token = await owner.let_act("user:actor", scopes=["tasks:*", "agents:read"])
        async with actor.act_for(token) as acting, other.act_for(token) as refused:
            task = await acting.create_task("nothing", 1)
            assert task.creator == "user:owner"
            seen = await introspected(client, (await acting.access.current()).value)
            assert (seen.subject, list(seen.delegates)) == ("user:owner", ["user:actor"])
            assert "messages:send" not in seen.scopes
            with pytest.raises(PermissionDenied, match="DELEGATION_REFUSED"):
                await refused.create_task("nothing", 1)
        with pytest.raises(Unauthenticated):
            async with actor.act_for("no token") as nobody:
                await nobody.create_task("nothing", 1)
