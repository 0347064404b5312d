"""The tools that one server offers, and their compiled schemas."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass

from mcp import MCPError
from mcp.client import Client
from pydantic import ValidationError
from rookery_kit.clock import Clock

from rookery_tool_executor.model import Tool
from rookery_tool_executor.sessions.answers import tool_of
from rookery_tool_executor.sessions.failures import failure_of
from rookery_tool_executor.sessions.tool_schema import ToolSchema

MAX_PAGES = 100
_MISS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool and the check of its arguments."""

    tool: Tool
    arguments: ToolSchema


class ToolListing:
    """The tools by name, listed again when the server said that they changed, or after `max_age` seconds."""

    def __init__(self, server: str, clock: Clock, *, max_age: float, list_seconds: float) -> None:
        self._server = server
        self._clock = clock
        self._max_age = max_age
        self._list_seconds = list_seconds
        self._tools: Mapping[str, OfferedTool] = {}
        self._time = -math.inf
        self._listing = asyncio.Lock()

    def outdate(self) -> None:
        """The server offers something else now."""
        self._time = -math.inf

    async def current(self, client: Client) -> Mapping[str, OfferedTool]:
        """All tools. Raises McpServerUnavailable or EndpointNotAllowed when they have to be listed and cannot be."""
        return await self._within(client, self._max_age)

    async def find(self, client: Client, name: str) -> OfferedTool | None:
        """A tool by name. One that is not known may be new, so the server is asked, at most once a second."""
        found = (await self._within(client, self._max_age)).get(name)
        return found or (await self._within(client, _MISS_SECONDS)).get(name)

    async def _within(self, client: Client, max_age: float) -> Mapping[str, OfferedTool]:
        if self._clock.monotonic() - self._time >= max_age:
            async with self._listing:
                if self._clock.monotonic() - self._time >= max_age:
                    await self._list(client)
        return self._tools

    async def _list(self, client: Client) -> None:
        # Noted before asking, so that a change told meanwhile makes the new listing count as old.
        self._time = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._list_seconds):
                self._tools = await _fetch(client, self._server)
        except (MCPError, ValidationError, TimeoutError) as error:
            self.outdate()
            raise failure_of(error) from error
        except BaseException:
            self.outdate()
            raise


async def _fetch(client: Client, server: str) -> Mapping[str, OfferedTool]:
    """Every tool by name, all pages; of two with one name the first."""
    tools: dict[str, OfferedTool] = {}
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        for offered in page.tools:
            tools.setdefault(offered.name, OfferedTool(tool_of(server, offered), ToolSchema(offered.input_schema)))
        cursor = page.next_cursor
        if not cursor:
            break
    return tools
