"""Listing the tools of one server, or of all."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError
from rookery_kit.postgres.paging import PageToken, page_size

from rookery_tool_executor.directory import ServerDirectory
from rookery_tool_executor.model import McpServer, McpServerUnavailable, Tool, UnavailableServer
from rookery_tool_executor.sessions.pool import SessionPool

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class ToolPage:
    """Tools by server and name; on the first page also the servers that could not be asked."""

    tools: Sequence[Tool]
    next_page_token: str
    unavailable: Sequence[UnavailableServer]


class ListTools:
    """Asks the servers. Those that are not running are started."""

    def __init__(self, directory: ServerDirectory, pool: SessionPool, clock: Clock, byte_budget: int) -> None:
        self._directory = directory
        self._pool = pool
        self._clock = clock
        self._byte_budget = byte_budget

    async def page(
        self, tenant: str, server: str, size: int, token: str, *, remaining: float, authorization: str
    ) -> ToolPage:
        """One page. Without a server's name, one that cannot be asked within `remaining` seconds is named instead."""
        listing = f"tools/{tenant}/{server}"
        after = PageToken.decode(listing, token, keys=2)
        deadline = self._clock.monotonic() + remaining
        unavailable: list[UnavailableServer] = []
        if server:
            found = await self._directory.find(tenant, server, authorization)
            tools = await self._ask(found, deadline)
        else:
            servers = await self._directory.list_enabled(tenant, authorization)
            tools = await self._ask_all(servers, after[0] if after else "", deadline, unavailable)
        behind = [tool for tool in tools if after is None or (tool.server, tool.name) > after]
        page = self._cut(sorted(behind, key=lambda tool: (tool.server, tool.name)), page_size(size))
        more = len(page) < len(behind)
        return ToolPage(
            page,
            PageToken.encode(listing, page[-1].server, page[-1].name) if more else "",
            () if after else sorted(unavailable, key=lambda one: one.server),
        )

    async def _ask(self, server: McpServer, deadline: float) -> list[Tool]:
        try:
            async with asyncio.timeout(max(deadline - self._clock.monotonic(), 0.0)):
                session = await self._pool.session(server)
                offered = await session.tools()
        except TimeoutError:
            raise McpServerUnavailable(f"the MCP server {server.name!r} did not answer in time") from None
        return [tool.tool for tool in offered.values()]

    async def _ask_all(
        self, servers: Iterable[McpServer], first: str, deadline: float, unavailable: list[UnavailableServer]
    ) -> list[Tool]:
        places = asyncio.Semaphore(_AT_ONCE)

        async def ask(server: McpServer) -> list[Tool]:
            async with places:
                try:
                    return await self._ask(server, deadline)
                except RookeryError as error:
                    unavailable.append(UnavailableServer(server.name, error.reason, error.message))
                    return []

        answers = await asyncio.gather(*(ask(server) for server in servers if server.name >= first))
        return [tool for answer in answers for tool in answer]

    def _cut(self, tools: Sequence[Tool], size: int) -> Sequence[Tool]:
        """At most `size` tools, and no more than fit into a message; one at least."""
        total = 0
        for index, tool in enumerate(tools[:size]):
            total += len(tool.input_schema) + len(tool.output_schema) + len(tool.description.encode())
            if index and total > self._byte_budget:
                return tools[:index]
        return tools[:size]
