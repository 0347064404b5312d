"""MCP servers come and go."""

from collections.abc import Callable, Sequence

from rookery_kit.identity import Principal

from rookery_registry.model import McpServer, McpServerChange, McpServerChanged, McpServerRegistration
from rookery_registry.store import McpServerStore


class McpServers:
    """Keeps the MCP servers of each tenant."""

    def __init__(self, store: McpServerStore, new_id: Callable[[], str]) -> None:
        self._store = store
        self._new_id = new_id

    async def register(self, principal: Principal, registration: McpServerRegistration) -> McpServer:
        """A new server. Raises McpServerExists."""
        async with self._store.begin(principal.tenant) as servers:
            server = await servers.register(self._new_id(), registration)
            await servers.announce(McpServerChanged(McpServerChange.REGISTERED, server, server.revision))
        return server

    async def get(self, principal: Principal, server_id: str) -> McpServer:
        """One server by its id. Raises McpServerNotFound."""
        async with self._store.begin(principal.tenant) as servers:
            return await servers.find(server_id)

    async def get_by_name(self, principal: Principal, name: str) -> McpServer:
        """One server by its name. Raises McpServerNotFound."""
        async with self._store.begin(principal.tenant) as servers:
            return await servers.find_by_name(name)

    async def list(self, principal: Principal, limit: int, after: str | None) -> Sequence[McpServer]:
        """Up to `limit` servers ordered by name, beginning after the name `after`."""
        async with self._store.begin(principal.tenant) as servers:
            return await servers.page(limit, after)

    async def delete(self, principal: Principal, server_id: str) -> None:
        """Removes a server. Raises McpServerNotFound."""
        async with self._store.begin(principal.tenant) as servers:
            server, revision = await servers.remove(server_id)
            await servers.announce(McpServerChanged(McpServerChange.DELETED, server, revision))
