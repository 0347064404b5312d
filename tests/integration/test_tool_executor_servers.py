from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.free_ports import free_address
from harness.in_process import running
from harness.mcp_servers.commands import HANDSHAKE_ONLY
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.registry_service import Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from harness.tool_executor_service import (
    ToolExecutor,
    executor_at,
    is_running,
    running_tool_executor,
    tool_executor_settings,
)
from rookery_tool_executor.__main__ import compose

pytestmark = pytest.mark.capability("R4")


@dataclass
class Parts:
    """A registry that can go away, and an executor beside it."""

    database: FreshDatabase
    nats: RestartableNats
    mint: TokenMint
    address: str

    @asynccontextmanager
    async def registry(self) -> AsyncIterator[Registry]:
        settings = registry_settings(self.database, self.nats, listen=self.address)
        async with running_registry(settings, self.mint) as registry:
            yield registry

    @asynccontextmanager
    async def executor(self, registry: Registry) -> AsyncIterator[ToolExecutor]:
        settings = tool_executor_settings(self.database, self.nats, self.address, directory_max_age_seconds=0.2)
        async with running(settings, self.mint.trusted_by(compose)) as channel:
            yield executor_at(channel, registry, self.address)


@pytest.fixture
def parts(fresh_database: FreshDatabase, nats_server: RestartableNats) -> Parts:
    return Parts(fresh_database, nats_server, TokenMint(), free_address())


async def test_a_server_is_there_as_soon_as_it_is_registered_and_gone_when_deleted(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    async with running_tool_executor(fresh_database, nats_server, TokenMint()) as executor:
        server = await executor.register_stdio("bench")
        assert {tool.server for tool in (await executor.list_tools()).tools} == {"bench"}
        pid = int(await executor.text("bench", "process_id"))
        await executor.delete(server)
        await eventually(lambda: not is_running(pid))
        assert (await refusal(executor.call("bench", "process_id"))).reason == "MCP_SERVER_NOT_FOUND"
        assert not (await executor.list_tools()).tools
        # Under the same name there may be another server afterwards.
        await executor.register_stdio("bench", HANDSHAKE_ONLY)
        assert await executor.text("bench", "revision") == "revision 2025-11-25"


async def test_known_servers_are_called_while_the_registry_is_away(parts: Parts) -> None:
    async with parts.registry() as registry, parts.executor(registry) as executor:
        await executor.register_stdio("bench")
        assert await executor.text("bench", "echo", {"text": "x"}) == "x"
    # Neither memory nor a registry: what the events told is left.
    async with parts.executor(registry) as executor:

        async def answers() -> bool:
            return await executor.text("bench", "echo", {"text": "y"}) == "y"

        assert await eventually(answers)
        assert {tool.server for tool in (await executor.list_tools()).tools} == {"bench"}
        away = await refusal(executor.call("unheard-of", "echo"))
        assert (away.code.name, away.reason) == ("UNAVAILABLE", "SERVICE_UNAVAILABLE")


async def test_who_may_not_read_the_registry_sees_what_events_told(parts: Parts) -> None:
    caller = parts.mint.bearer(permissions=("tools:call", "tools:read"))
    async with parts.registry() as registry, parts.executor(registry) as executor:
        assert (await refusal(executor.call("bench", "add", metadata=caller))).reason == "MCP_SERVER_NOT_FOUND"
        await executor.register_stdio("bench")

        async def answers() -> bool:
            return bool((await executor.call("bench", "echo", {"text": "x"}, metadata=caller)).content)

        assert await eventually(answers, retry=(grpc.aio.AioRpcError,))


async def test_events_of_the_past_are_followed_after_a_start(parts: Parts) -> None:
    async with parts.registry() as registry:
        async with parts.executor(registry) as executor:
            server = await executor.register_stdio("bench")
            assert await executor.text("bench", "echo", {"text": "x"}) == "x"
        await executor.delete(server)
        async with parts.executor(registry) as executor:

            async def is_gone() -> bool:
                return (await refusal(executor.call("bench", "echo", {"text": "x"}))).reason == "MCP_SERVER_NOT_FOUND"

            await eventually(is_gone, retry=(pytest.fail.Exception,))
