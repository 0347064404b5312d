"""MCP over streamable HTTP, with every connection passing the address guard.

The SDK lets a failed exchange tear down the whole session, and with it the calls of others. Here a failed exchange
is answered to the SDK as a JSON-RPC error of that one request, marked with what happened.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, cast

import httpcore2
import httpx2
from mcp.client import Transport
from mcp.client.streamable_http import MCP_SESSION_ID, streamable_http_client
from mcp_types import CONNECTION_CLOSED

from rookery_tool_executor.model import CallInterrupted, EndpointNotAllowed, McpServerUnavailable
from rookery_tool_executor.sessions.address_guard import AddressGuard, GuardedBackend
from rookery_tool_executor.sessions.failures import Failure, mark

_REFUSED_STATUSES = frozenset({400, 401, 403, 404, 405, 406, 407, 408, 415, 421, 426, 429, 503})
_NOT_SENT = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout, httpcore2.UnsupportedProtocol)
_BROKEN_OFF = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Seconds to connect, connections to one server, bytes in one answer."""

    connect_seconds: float
    connections: int
    message_bytes: int


class HttpChannel:
    """One HTTP endpoint. As an async context manager it gives the SDK its streams."""

    pid = None

    def __init__(self, url: str, *, guard: AddressGuard, limits: HttpLimits) -> None:
        self.ended = asyncio.Event()
        self._url = url
        self._guard = guard
        self._limits = limits
        self._opened = AsyncExitStack()
        self._transport: GuardedTransport | None = None

    @property
    def obituary(self) -> str:
        """What is known of the end, for the message of an error."""
        return "the server no longer knows the session" if self.ended.is_set() else "the connection ended"

    async def __aenter__(self) -> Any:  # noqa: ANN401 -- the SDK names the type of the streams in private only
        """Connects lazily: the first message dials."""
        transport = GuardedTransport(self._guard, self._limits, self.ended)
        client = httpx2.AsyncClient(
            transport=transport,
            # How long an answer may take is the tool's time-out, not the connection's.
            timeout=httpx2.Timeout(self._limits.connect_seconds, read=None),
            trust_env=False,
        )
        await self._opened.enter_async_context(client)
        streams = streamable_http_client(self._url, http_client=client, max_sse_event_size=self._limits.message_bytes)
        return await self._opened.enter_async_context(cast("Transport", streams))

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Tells the server that the session is over and closes the connections."""
        return await self._opened.__aexit__(exc_type, exc_value, traceback)


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends requests over guarded connections. `session_lost` is set when the server disowns the MCP session."""

    def __init__(self, guard: AddressGuard, limits: HttpLimits, session_lost: asyncio.Event) -> None:
        self._session_lost = session_lost
        self._message_bytes = limits.message_bytes
        self._pool = httpcore2.AsyncConnectionPool(
            max_connections=limits.connections,
            max_keepalive_connections=limits.connections,
            keepalive_expiry=60,
            network_backend=GuardedBackend(guard),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends one request. For a POST, which carries a message, a failure comes back as a JSON-RPC error."""
        try:
            response = await self._send(request)
        except (EndpointNotAllowed, McpServerUnavailable) as error:
            if request.method == "POST":
                return _failure(error)
            raise httpx2.ConnectError(error.message, request=request) from error
        if request.method != "POST" or response.status_code < 400:
            return response
        return await self._explained(request, response)

    async def aclose(self) -> None:
        """Closes every connection."""
        await self._pool.aclose()

    async def _explained(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
        """A refusal over HTTP as an error of the protocol: the server's own where it sent one."""
        status = response.status_code
        try:
            body = await response.aread() if _is_json(response) else b""
        except httpx2.StreamError:
            body = b""
        await response.aclose()
        if status == 404 and MCP_SESSION_ID in request.headers:
            self._session_lost.set()
        elif _is_protocol_error(body):
            return httpx2.Response(status, headers={"content-type": "application/json"}, content=body)
        kind = McpServerUnavailable if status in _REFUSED_STATUSES else CallInterrupted
        return _failure(kind(f"the server answered with HTTP status {status}"))

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        try:
            response = await self._pool.handle_async_request(
                httpcore2.Request(
                    method=request.method,
                    url=target,
                    headers=request.headers.raw,
                    content=cast("httpx2.AsyncByteStream", request.stream),
                    extensions=request.extensions,
                )
            )
        except _NOT_SENT as error:
            raise McpServerUnavailable(f"{url.host} cannot be reached: {_words(error)}") from error
        except _BROKEN_OFF as error:
            raise CallInterrupted(f"the connection to {url.host} broke: {_words(error)}") from error
        return httpx2.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, self._message_bytes),
            extensions=cast("Mapping[str, Any]", response.extensions),
        )


class _Body(httpx2.AsyncByteStream):
    """An answer's body, bounded where it is one message. StreamError is what the SDK takes as this request's own."""

    def __init__(self, response: httpcore2.Response, message_bytes: int) -> None:
        self._response = response
        self._left = message_bytes if _is_json(response) else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._response.aiter_stream():
                if self._left is not None:
                    self._left -= len(part)
                    if self._left < 0:
                        raise httpx2.StreamError("the answer is larger than is accepted")
                yield part
        except _BROKEN_OFF as error:
            raise httpx2.StreamError(f"the connection broke: {_words(error)}") from error

    async def aclose(self) -> None:
        await self._response.aclose()


def _failure(error: Failure) -> httpx2.Response:
    fault = {"code": CONNECTION_CLOSED, "message": error.message, "data": mark(error)}
    body = json.dumps({"jsonrpc": "2.0", "id": None, "error": fault})
    return httpx2.Response(503, headers={"content-type": "application/json"}, content=body)


def _is_json(response: httpx2.Response | httpcore2.Response) -> bool:
    return httpx2.Headers(response.headers).get("content-type", "").lower().startswith("application/json")


def _is_protocol_error(body: bytes) -> bool:
    try:
        message = json.loads(body)
    except ValueError:
        return False
    return isinstance(message, dict) and isinstance(message.get("error"), dict) and "jsonrpc" in message


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
