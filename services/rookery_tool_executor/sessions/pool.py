"""Long-lived sessions, one per server and version of it, shared by all callers of the tenant."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from rookery_kit.clock import Clock

from rookery_tool_executor.model import McpServer, McpServerUnavailable
from rookery_tool_executor.sessions.session import Channel, McpSession, SessionLimits

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many sessions at once, seconds without a call after which one is closed, seconds between looks."""

    sessions: int
    idle_seconds: float
    sweep_seconds: float = 1.0


class SessionPool:
    """Opens a session at the first need, opens another when one has ended, closes those that nobody uses.

    `open_channel` makes the transport for a server; what it raises, such as CommandNotAllowed, reaches the caller.
    """

    def __init__(
        self,
        open_channel: Callable[[McpServer], Channel],
        *,
        limits: PoolLimits,
        session_limits: SessionLimits,
        clock: Clock,
    ) -> None:
        self._open_channel = open_channel
        self._limits = limits
        self._session_limits = session_limits
        self._clock = clock
        self._current: dict[tuple[str, str], McpSession] = {}
        self._leaving: set[McpSession] = set()
        self._closed = False

    @property
    def open_count(self) -> int:
        """Sessions open, opening or closing."""
        return len(self._current) + len(self._leaving)

    def opened(self, server: McpServer) -> McpSession | None:
        """The session to a server if there is one to be used at once."""
        session = self._current.get((server.tenant, server.id))
        if session is None or not session.usable or session.server.etag != server.etag or not session.is_open:
            return None
        return session

    async def session(self, server: McpServer) -> McpSession:
        """An open session. Callers at once share one opening.

        Raises McpServerUnavailable, CommandNotAllowed or EndpointNotAllowed.
        """
        session = self._session(server)
        await session.opened()
        return session

    def drop(self, tenant: str, server_id: str, *, keep_etag: str = "") -> None:
        """Closes the session to a server that is gone, or retires the one to another version than `keep_etag`."""
        session = self._current.get((tenant, server_id))
        if session is None or session.server.etag == keep_etag:
            return
        self._let_go(session)
        if not keep_etag:
            session.end()

    async def run(self) -> None:
        """Closes idle sessions and forgets ended ones, until cancelled."""
        while True:
            await asyncio.sleep(self._limits.sweep_seconds)
            self.sweep()

    def sweep(self) -> None:
        """One look at every session."""
        idle_before = self._clock.monotonic() - self._limits.idle_seconds
        for session in list(self._current.values()):
            if not session.usable or (session.in_flight == 0 and session.idle_since < idle_before):
                self._let_go(session)
        self._leaving = {session for session in self._leaving if not session.closed}

    async def close(self) -> None:
        """Closes every session and waits for that; none is opened any more."""
        self._closed = True
        sessions = [*self._current.values(), *self._leaving]
        await asyncio.gather(*(session.close() for session in sessions))
        self._current.clear()
        self._leaving.clear()

    def _session(self, server: McpServer) -> McpSession:
        key = (server.tenant, server.id)
        present = self._current.get(key)
        if present is not None:
            if present.usable and present.server.etag == server.etag:
                return present
            self._let_go(present)
        if self._closed:
            raise McpServerUnavailable("the tool-executor is stopping")
        self._make_room()
        session = McpSession(server, self._open_channel(server), self._session_limits, self._clock)
        session.open()
        self._current[key] = session
        return session

    def _make_room(self) -> None:
        self._leaving = {session for session in self._leaving if not session.closed}
        if self.open_count < self._limits.sessions:
            return
        idle = [session for session in self._current.values() if session.in_flight == 0 and session.is_open]
        if not idle:
            raise McpServerUnavailable(f"all {self._limits.sessions} sessions are in use")
        longest = min(idle, key=lambda session: session.idle_since)
        _log.info("MCP session closed to make room", tenant=longest.server.tenant, server=longest.server.name)
        self._let_go(longest)

    def _let_go(self, session: McpSession) -> None:
        self._current.pop((session.server.tenant, session.server.id), None)
        self._leaving.add(session)
        session.retire()
