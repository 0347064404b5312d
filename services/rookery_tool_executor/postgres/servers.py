"""The projection of the registry's MCP servers."""

import json
from collections.abc import Sequence
from typing import Any

from asyncpg import Record
from rookery_kit.postgres import Connection, Database, Queries

from rookery_tool_executor.model import McpServer, StdioTransport, StreamableHttpTransport, Transport


class PostgresServerStore:
    """Implements ServerStore, and follows the registry's events in the consumer's transaction."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def find(self, tenant: str, name: str) -> McpServer | None:
        """The server of a name."""
        async with self._database.transaction(tenant) as connection:
            row = await connection.fetchrow(self._queries["find_server"], tenant, name)
        return _server(row) if row else None

    async def list(self, tenant: str) -> Sequence[McpServer]:
        """Every server by name."""
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(self._queries["list_servers"], tenant)
        return [_server(row) for row in rows]

    async def remember(self, servers: Sequence[McpServer]) -> None:
        """Keeps servers of one tenant."""
        if not servers:
            return
        async with self._database.transaction(servers[0].tenant) as connection:
            await connection.executemany(self._queries["remember_server"], [_columns(server) for server in servers])

    async def apply(self, connection: Connection, server: McpServer, revision: int, *, deleted: bool) -> bool:
        """Follows one event within the consumer's transaction; False when it is out of date."""
        changed = await connection.fetchval(self._queries["apply_server_change"], *_columns(server), revision, deleted)
        return bool(changed)


def _columns(server: McpServer) -> tuple[object, ...]:
    return (server.tenant, server.id, server.name, server.etag, server.enabled, _encode(server.transport))


def _encode(transport: Transport) -> str:
    match transport:
        case StdioTransport(command, args, env, cwd):
            return json.dumps({"command": command, "args": args, "env": dict(env), "cwd": cwd})
        case StreamableHttpTransport(url):
            return json.dumps({"url": url})


def _server(row: Record) -> McpServer:
    """The one mapping of a row."""
    transport: dict[str, Any] = json.loads(row["transport"])
    return McpServer(
        id=str(row["id"]),
        tenant=row["tenant"],
        name=row["name"],
        transport=_transport(transport),
        enabled=row["enabled"],
        etag=row["etag"],
    )


def _transport(kept: dict[str, Any]) -> Transport:
    if "url" in kept:
        return StreamableHttpTransport(kept["url"])
    return StdioTransport(kept["command"], tuple(kept["args"]), tuple(kept["env"].items()), kept["cwd"])
