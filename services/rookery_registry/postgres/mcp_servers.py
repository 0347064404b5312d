"""The store of MCP servers."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from asyncpg import Record, UniqueViolationError
from rookery_kit.postgres import Queries

from rookery_registry.events import mcp_server_event
from rookery_registry.model import (
    McpServer,
    McpServerChanged,
    McpServerExists,
    McpServerNotFound,
    McpServerRegistration,
    StdioTransport,
    StreamableHttpTransport,
    Transport,
)
from rookery_registry.postgres.announcing import AnnouncingDatabase, AnnouncingTransaction
from rookery_registry.store import McpServerTransaction


class PostgresMcpServerStore:
    """Implements McpServerStore."""

    def __init__(self, database: AnnouncingDatabase, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    @asynccontextmanager
    async def begin(self, tenant: str) -> AsyncIterator[McpServerTransaction]:
        """A transaction on the MCP servers of a tenant."""
        async with self._database.begin(tenant) as transaction:
            yield _McpServerTransaction(transaction, self._queries)


class _McpServerTransaction:
    """Implements McpServerTransaction."""

    def __init__(self, transaction: AnnouncingTransaction, queries: Queries) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._tenant = transaction.tenant
        self._queries = queries

    async def register(self, server_id: str, registration: McpServerRegistration) -> McpServer:
        try:
            return await self._one(
                "register_mcp_server",
                server_id,
                registration.name,
                registration.description,
                *_columns(registration.transport),
                registration.enabled,
            )
        except UniqueViolationError:
            raise McpServerExists(registration.name) from None

    async def find(self, server_id: str) -> McpServer:
        return await self._one("find_mcp_server", server_id)

    async def find_by_name(self, name: str) -> McpServer:
        return await self._one("find_mcp_server_by_name", name)

    async def page(self, limit: int, after: str | None) -> Sequence[McpServer]:
        rows = await self._connection.fetch(self._queries["list_mcp_servers"], self._tenant, after, limit)
        return [_server(row) for row in rows]

    async def remove(self, server_id: str) -> tuple[McpServer, int]:
        row = await self._connection.fetchrow(self._queries["remove_mcp_server"], self._tenant, server_id)
        if row is None:
            raise McpServerNotFound(server_id)
        return _server(row), row["removal_revision"]

    async def announce(self, changed: McpServerChanged) -> None:
        await self._transaction.append([mcp_server_event(changed)])

    async def _one(self, query: str, key: str, *arguments: object) -> McpServer:
        row = await self._connection.fetchrow(self._queries[query], self._tenant, key, *arguments)
        if row is None:
            raise McpServerNotFound(key)
        return _server(row)


def _columns(transport: Transport) -> tuple[object, ...]:
    match transport:
        case StdioTransport(command, args, env, cwd):
            return command, list(args), json.dumps(dict(env), ensure_ascii=False), cwd, None
        case StreamableHttpTransport(url):
            return None, None, None, None, url


def _transport(row: Record) -> Transport:
    if row["url"] is not None:
        return StreamableHttpTransport(row["url"])
    return StdioTransport(row["command"], tuple(row["args"]), json.loads(row["env"]), row["cwd"])


def _server(row: Record) -> McpServer:
    return McpServer(
        id=str(row["id"]),
        tenant=row["tenant"],
        name=row["name"],
        description=row["description"],
        transport=_transport(row),
        enabled=row["enabled"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        revision=row["revision"],
    )
