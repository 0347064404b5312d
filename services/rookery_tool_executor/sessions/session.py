"""One session to one MCP server, owned by one task that opens, keeps and closes it.

The SDK's sessions are built of cancel scopes, which must be entered and left by the same task. Calls come from the
tasks of their callers: a call uses scopes of its own only.
"""

import asyncio
import contextvars
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import anyio
import mcp_types as types
import structlog
from mcp import MCPError
from mcp.client import Client, IncomingMessage
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_tool_executor.model import CallInterrupted, McpServer, McpServerUnavailable, ToolAnswer, ToolTimeout
from rookery_tool_executor.sessions.answers import answer_of
from rookery_tool_executor.sessions.failures import failure_of, refusal_or_answer
from rookery_tool_executor.sessions.offered_tools import OfferedTool, ToolListing

CLIENT = types.Implementation(name="rookery-tool-executor", version="0.1.0")
_RELISTEN_SECONDS = 5.0
_STUCK_AFTER_TIMEOUTS = 3
_OBITUARY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Channel(Protocol):
    """A transport of the SDK that also tells of its end. `ended` may be set from outside, to have it closed."""

    ended: asyncio.Event

    @property
    def pid(self) -> int | None:
        """The child process, where there is one."""
        ...

    @property
    def obituary(self) -> str:
        """How it ended, for people."""
        ...

    async def __aenter__(self) -> Any: ...  # noqa: ANN401 -- the SDK names the type of the streams in private only

    async def __aexit__(self, exc_type: Any, exc_value: Any, traceback: Any, /) -> bool | None: ...  # noqa: ANN401


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Seconds for the start with the first listing and for the end, calls at once, seconds a listing is trusted."""

    start_seconds: float
    stop_seconds: float
    concurrency: int
    tools_max_age: float


class McpSession:
    """Opened by `open`, which does not wait; usable once `opened` has returned, until `usable` is False."""

    def __init__(self, server: McpServer, channel: Channel, limits: SessionLimits, clock: Clock) -> None:
        self.server = server
        self.in_flight = 0
        self.idle_since = clock.monotonic()
        self._channel = channel
        self._limits = limits
        self._clock = clock
        self._places = asyncio.Semaphore(limits.concurrency)
        self._owner: asyncio.Task[None] | None = None
        self._scope = anyio.CancelScope()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client: Client | None = None
        self._retired = False
        self._timeouts_in_a_row = 0
        self._tools = ToolListing(server.name, clock, max_age=limits.tools_max_age, list_seconds=limits.start_seconds)

    @property
    def usable(self) -> bool:
        """Whether new calls may go to this session, which may still be opening."""
        return not self._retired and not self._channel.ended.is_set()

    @property
    def is_open(self) -> bool:
        """Whether calls may be made at once."""
        return self._client is not None

    @property
    def closed(self) -> bool:
        """Whether all of it is gone."""
        return self._owner is None or self._owner.done()

    @property
    def pid(self) -> int | None:
        """The child process, where there is one."""
        return self._channel.pid

    def open(self) -> None:
        """Begins to open the session in a task of its own, which is no part of the call that needed it first."""
        self._owner = asyncio.create_task(self._own(), context=contextvars.Context())

    async def opened(self) -> None:
        """Waits until the session is open. Raises McpServerUnavailable or EndpointNotAllowed."""
        # Whoever waits is about to call, so the session is not idle.
        with self._under_way():
            if not self._opened.done():
                await asyncio.wait({self._opened})
            self._opened.result()

    def retire(self) -> None:
        """Takes no new calls, and closes when the last one under way has ended."""
        self._retired = True
        if self.in_flight == 0:
            self._channel.ended.set()

    def end(self) -> None:
        """Begins to close the session now; calls under way end with CallInterrupted, and so does the opening."""
        self._retired = True
        self._channel.ended.set()
        if not self._opened.done():
            self._scope.cancel()

    async def close(self) -> None:
        """Closes the session now and waits for that."""
        self.end()
        if self._owner is not None:
            await asyncio.wait({self._owner})

    async def tools(self) -> Mapping[str, OfferedTool]:
        """The tools by name. Raises McpServerUnavailable or EndpointNotAllowed."""
        return await self._tools.current(self._live_client())

    async def tool(self, name: str) -> OfferedTool | None:
        """A tool by name; None when the server offers none of it. Raises as `tools` does."""
        return await self._tools.find(self._live_client(), name)

    async def call(
        self, tool: str, arguments: dict[str, Any], timeout: float, meta: types.RequestParamsMeta
    ) -> ToolAnswer:
        """Calls a tool; a time-out or cancellation is told to the server.

        Raises McpServerUnavailable when the tool was certainly not called, CallInterrupted when it may have been,
        ToolTimeout, ToolArgumentsInvalid when the server refuses them, EndpointNotAllowed.
        """
        client = self._live_client()
        sent = False
        with self._under_way():
            try:
                async with asyncio.timeout(timeout), self._places:
                    sent = True
                    answer = answer_of(await client.call_tool(tool, arguments, meta=meta))
            except TimeoutError:
                if not sent:
                    raise McpServerUnavailable(
                        f"the MCP server {self.server.name!r} is busy with {self._limits.concurrency} calls"
                    ) from None
                self._note_timeout()
                raise ToolTimeout(f"the tool {tool!r} did not answer within {timeout:.3g} s") from None
            except MCPError as error:
                return refusal_or_answer(error, await self._obituary_if_closed(error))
            except (ValueError, RuntimeError) as error:
                text = str(error).partition("\n")[0][:500]
                raise CallInterrupted(f"the tool {tool!r} answered what cannot be accepted: {text}") from error
        self._timeouts_in_a_row = 0
        return answer

    async def _own(self) -> None:
        limits = self._limits
        failure: RookeryError | None = None
        try:
            with self._scope as scope:
                scope.deadline = anyio.current_time() + limits.start_seconds
                async with Client(
                    self._channel, cache=None, client_info=CLIENT, message_handler=self._on_message
                ) as client:
                    await self._tools.current(client)
                    self._client = client
                    scope.deadline = math.inf
                    self._opened.set_result(None)
                    _log.info("MCP session open", **self._labels(), protocol=client.protocol_version)
                    await self._keep(client)
                    self._client = None
                    scope.deadline = anyio.current_time() + limits.stop_seconds
            if scope.cancelled_caught and not self._opened.done() and anyio.current_time() >= scope.deadline:
                failure = McpServerUnavailable(f"no answer within {limits.start_seconds:g} s of the start")
        except Exception as error:
            # The task's boundary: whatever the SDK or a server does ends here.
            failure = failure_of(error)
            _log.warning("MCP session failed", **self._labels(), reason=failure.reason, error=failure.message)
        finally:
            self._client = None
            self._channel.ended.set()
            if not self._opened.done():
                self._fail_opening(failure)
        _log.info("MCP session closed", **self._labels())

    async def _keep(self, client: Client) -> None:
        """Stays until the channel has ended, listening for changes of the tools meanwhile."""
        offered = client.server_capabilities.tools
        async with anyio.create_task_group() as group:
            if offered is not None and offered.list_changed:
                group.start_soon(self._listen, client)
            await self._channel.ended.wait()
            group.cancel_scope.cancel()

    async def _listen(self, client: Client) -> None:
        """Subscribes to changes where the protocol asks for it; they then arrive as notifications, as without."""
        while True:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    self._tools.outdate()
                    async for _ in changes:
                        self._tools.outdate()
            except ListenNotSupportedError:
                return
            except (MCPError, SubscriptionLost, TimeoutError) as error:
                _log.debug("no longer told of changed tools", **self._labels(), error=str(error))
            await asyncio.sleep(_RELISTEN_SECONDS)

    async def _on_message(self, message: IncomingMessage) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self._tools.outdate()

    def _live_client(self) -> Client:
        if self._client is None or self._channel.ended.is_set():
            raise McpServerUnavailable(f"the session to the MCP server {self.server.name!r} has ended")
        return self._client

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self.idle_since = self._clock.monotonic()
            if self._retired and self.in_flight == 0:
                self._channel.ended.set()

    def _note_timeout(self) -> None:
        self._timeouts_in_a_row += 1
        if self._timeouts_in_a_row >= _STUCK_AFTER_TIMEOUTS:
            _log.warning("MCP server seems stuck; its session is replaced", **self._labels())
            self.retire()

    async def _obituary_if_closed(self, error: MCPError) -> str:
        """What the end of the session looked like, where it has ended. Its task knows more once it is through."""
        if error.code != types.CONNECTION_CLOSED or self._owner is None or not self._channel.ended.is_set():
            return error.message
        await asyncio.wait({self._owner}, timeout=_OBITUARY_SECONDS)
        return self._channel.obituary

    def _fail_opening(self, failure: RookeryError | None) -> None:
        detail = failure.message if failure else "it was closed"
        text = f"the MCP server {self.server.name!r} could not be started or reached: {detail}"
        if self._channel.pid is not None:
            text += f" ({self._channel.obituary})"
        kind = type(failure) if failure else McpServerUnavailable
        self._opened.set_exception(kind(text, server=self.server.name))
        # Nobody may be waiting any more.
        self._opened.exception()

    def _labels(self) -> dict[str, Any]:
        return {"tenant": self.server.tenant, "server": self.server.name, "pid": self._channel.pid}
