"""What every McpServerStore keeps to."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest
from harness.databases import OpenDatabase
from rookery_kit.postgres import Database, load_queries
from rookery_registry.model import (
    McpServer,
    McpServerChange,
    McpServerChanged,
    McpServerExists,
    McpServerNotFound,
    McpServerRegistration,
    StdioTransport,
    StreamableHttpTransport,
)
from rookery_registry.postgres import PostgresMcpServerStore
from rookery_registry.postgres.announcing import AnnouncingDatabase
from rookery_registry.store import McpServerStore

STDIO = StdioTransport("npx", ("-y", "", "\N{BIRD}"), {"ROOT": "/data", "QUOTED": '"\\'}, "")
HTTP = StreamableHttpTransport("https://tools.example.com/mcp")
FILES = McpServerRegistration("files", "reads files", STDIO, enabled=True)


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("registry")


@pytest.fixture(params=["postgres"])
async def store(database: Database) -> McpServerStore:
    return PostgresMcpServerStore(AnnouncingDatabase(database, lambda: None), load_queries("rookery_registry"))


async def registered(
    store: McpServerStore, registration: McpServerRegistration = FILES, tenant: str = "default"
) -> McpServer:
    async with store.begin(tenant) as servers:
        return await servers.register(str(uuid4()), registration)


@pytest.mark.capability("R4")
@pytest.mark.parametrize("transport", [STDIO, HTTP, StdioTransport("true", (), {}, "/srv")])
@pytest.mark.parametrize("enabled", [True, False])
async def test_a_server_is_found_as_it_was_registered(
    store: McpServerStore, transport: StdioTransport | StreamableHttpTransport, enabled: bool
) -> None:
    registration = McpServerRegistration("files", "reads files", transport, enabled)
    server = await registered(store, registration)
    assert McpServerRegistration(server.name, server.description, server.transport, server.enabled) == registration
    async with store.begin("default") as servers:
        assert await servers.find(server.id) == server
        assert await servers.find_by_name("files") == server


async def test_of_many_who_want_one_name_at_once_one_gets_it(store: McpServerStore) -> None:
    results = await asyncio.gather(*(registered(store) for _ in range(6)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["McpServer"] + ["McpServerExists"] * 5


async def test_a_removed_server_is_answered_as_it_last_was_and_its_name_is_free(store: McpServerStore) -> None:
    server = await registered(store)
    with pytest.raises(McpServerExists):
        await registered(store)
    async with store.begin("default") as servers:
        removed, revision = await servers.remove(server.id)
    assert removed == server
    assert revision > server.revision
    again = await registered(store)
    assert again.id != server.id
    assert again.revision > revision


async def test_pages_are_ordered_by_name(store: McpServerStore) -> None:
    for name in ("b", "a_1", "a-1", "a"):
        await registered(store, replace(FILES, name=name))
    async with store.begin("default") as servers:
        assert [server.name for server in await servers.page(3, None)] == ["a", "a-1", "a_1"]
        assert [server.name for server in await servers.page(3, "a-1")] == ["a_1", "b"]
        assert await servers.page(3, "b") == []


@pytest.mark.capability("A6")
async def test_a_transaction_sees_its_tenant_only(store: McpServerStore) -> None:
    server = await registered(store)
    async with store.begin("acme") as servers:
        assert await servers.page(10, None) == []
        for attempt in (servers.find(server.id), servers.find_by_name(server.name), servers.remove(server.id)):
            with pytest.raises(McpServerNotFound):
                await attempt
    assert (await registered(store, tenant="acme")).name == server.name


async def test_an_announcement_is_stored_with_the_change(store: McpServerStore, database: Database) -> None:
    async with store.begin("default") as servers:
        server = await servers.register(str(uuid4()), FILES)
        await servers.announce(McpServerChanged(McpServerChange.REGISTERED, server, server.revision))
    async with database.system_transaction() as connection:
        row = await connection.fetchrow("SELECT subject, message_id FROM outbox")
    assert row is not None
    assert tuple(row) == (f"rk.default.event.mcp_server.{server.id}", f"mcp_server-{server.id}-{server.revision}")


async def test_the_database_refuses_a_server_with_no_transport_or_two(
    store: McpServerStore, database: Database
) -> None:
    await registered(store)
    for change in ("url = 'https://tools.example.com'", "command = NULL", "cwd = NULL"):
        with pytest.raises(asyncpg.CheckViolationError):
            async with database.system_transaction() as connection:
                await connection.execute(f"UPDATE mcp_servers SET {change}")
