import sys
from collections.abc import AsyncIterator

import pytest
from harness.eventually import eventually
from harness.mcp_servers.commands import WORKBENCH
from harness.sdk_agents import context_of, online, serving
from harness.suite import Suite
from rookery.auth.v1 import api_key_service_pb2, token_service_pb2
from rookery.orchestrator.v1 import message_service_pb2
from rookery.registry.v1 import agent_service_pb2, mcp_server_pb2, mcp_server_service_pb2
from rookery.tool_executor.v1 import tool_service_pb2
from rookery_sdk import Agent, Client, Message, MessageContext, PermissionDenied, Unauthenticated


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"tool_executor": {"STDIO_ALLOWED_COMMANDS": f'["{sys.executable}"]'}}


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


@pytest.mark.capability("A11")
async def test_messages_and_tools_see_who_acts_and_for_whom(suite: Suite, client: Client) -> None:
    stdio = mcp_server_pb2.StdioTransport(command=sys.executable, args=[WORKBENCH, "stdio"])
    bench = mcp_server_service_pb2.RegisterMcpServerRequest(name="bench", stdio=stdio)
    await client.servers.RegisterMcpServer(bench)
    agent, got = Agent("librarian", context=context_of(suite)), list[Message]()

    @agent.message
    async def keep(_ctx: MessageContext, message: Message) -> None:
        got.append(message)

    owner_key = await key_for(client, "user:owner", "developer")
    actor_key = await key_for(client, "user:actor", "tester")
    async with (
        serving(agent),
        Client.connect(context_of(suite), api_key=owner_key) as owner,
        Client.connect(context_of(suite), api_key=actor_key) as actor,
    ):
        await online(client, "librarian")
        token = await owner.let_act("user:actor")
        async with actor.act_for(token) as acting:
            sent = await acting.send("librarian", "hello", correlation_id="c-1")
            called = (await acting.call_tool("bench", "metadata")).execution
        await eventually(lambda: len(got) == 1)
    assert (got[0].id, got[0].sender, got[0].delegates) == (sent.id, "user:owner", ("user:actor",))
    (record,) = (
        await client.messages.ListMessages(message_service_pb2.ListMessagesRequest(correlation_id="c-1"))
    ).messages
    assert (record.message.sender, list(record.message.delegates)) == ("user:owner", ["user:actor"])
    assert (called.subject, list(called.delegates)) == ("user:owner", ["user:actor"])
    recorded = await client.tools.ListExecutions(tool_service_pb2.ListExecutionsRequest())
    assert list(recorded.executions) == [called]
    told = called.content[0].text.splitlines()
    assert {"rookery.dev/subject=user:owner", "rookery.dev/delegates=['user:actor']"} <= set(told)
