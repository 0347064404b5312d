"""Which MCP servers there are: from memory, from the registry's events as they were kept, or from the registry."""

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from rookery_kit.clock import Clock
from rookery_kit.errors import PermissionDenied, Unavailable

from rookery_tool_executor.model import McpServer, McpServerDisabled, McpServerNotFound
from rookery_tool_executor.store import ServerStore

_MOST_REMEMBERED = 10_000
_log = structlog.get_logger(__name__)


class Registry(Protocol):
    """The registry, asked with the caller's own authorization."""

    async def find(self, name: str, authorization: str) -> McpServer | None:
        """The server of a name; None when there is none. Raises Unavailable, or PermissionDenied."""
        ...

    async def list(self, authorization: str) -> Sequence[McpServer]:
        """Every server of the caller's tenant. Raises Unavailable, or PermissionDenied."""
        ...


class ServerDirectory:
    """Answers from memory for `max_age` seconds, so that a call pays for no look-up.

    `on_gone` is told of a server (its tenant and id) that turns out to be no longer there.
    """

    def __init__(
        self,
        store: ServerStore,
        registry: Registry,
        *,
        clock: Clock,
        max_age: float,
        on_gone: Callable[[str, str], None],
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._max_age = max_age
        self._on_gone = on_gone
        self._remembered: dict[tuple[str, str], tuple[McpServer, float]] = {}

    def remembered(self, tenant: str, name: str) -> McpServer | None:
        """A server out of memory, unless it is too old or switched off."""
        server, time = self._remembered.get((tenant, name), (None, 0.0))
        if server is None or not server.enabled or self._clock.monotonic() - time >= self._max_age:
            return None
        return server

    async def find(self, tenant: str, name: str, authorization: str) -> McpServer:
        """A server that is switched on. Raises McpServerNotFound, McpServerDisabled, or Unavailable."""
        server = self.remembered(tenant, name) or await self._look_up(tenant, name, authorization)
        if not server.enabled:
            raise McpServerDisabled(name)
        return server

    async def list_enabled(self, tenant: str, authorization: str) -> Sequence[McpServer]:
        """The servers that are switched on, by name: those the registry has at this moment, where it answers."""
        try:
            servers = await self._registry.list(authorization)
        except (Unavailable, PermissionDenied) as error:
            _log.info("MCP servers listed without the registry", reason=error.reason, tenant=tenant)
            servers = await self._store.list(tenant)
        for server in servers:
            self._remember(server)
        return [server for server in servers if server.enabled]

    def forget(self, tenant: str, name: str) -> None:
        """The server has changed."""
        self._remembered.pop((tenant, name), None)

    async def _look_up(self, tenant: str, name: str, authorization: str) -> McpServer:
        server = await self._store.find(tenant, name) or await self._ask(name, authorization)
        before, _ = self._remembered.pop((tenant, name), (None, 0.0))
        if before is not None and (server is None or server.id != before.id):
            self._on_gone(tenant, before.id)
        if server is None:
            raise McpServerNotFound(name)
        self._remember(server)
        return server

    async def _ask(self, name: str, authorization: str) -> McpServer | None:
        try:
            server = await self._registry.find(name, authorization)
        except PermissionDenied:
            # Who may call tools but not read the registry sees what has been told of by events.
            return None
        if server is not None:
            await self._store.remember([server])
        return server

    def _remember(self, server: McpServer) -> None:
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[server.tenant, server.name] = (server, self._clock.monotonic())
