"""What every store of MCP servers must do."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from harness.databases import OpenDatabase
from rookery_kit.clock import new_id
from rookery_kit.postgres import Database, load_queries
from rookery_tool_executor.model import McpServer, StdioTransport, StreamableHttpTransport
from rookery_tool_executor.postgres import PostgresServerStore

pytestmark = pytest.mark.capability("R4")

Tell = Callable[..., Awaitable[bool]]


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("tool_executor")


@pytest.fixture
def store(database: Database) -> PostgresServerStore:
    return PostgresServerStore(database, load_queries("rookery_tool_executor"))


@pytest.fixture
def tell(store: PostgresServerStore, database: Database) -> Tell:
    async def tell_of(server: McpServer, revision: int, *, deleted: bool = False) -> bool:
        async with database.system_transaction() as connection:
            return await store.apply(connection, server, revision, deleted=deleted)

    return tell_of


def a_server(name: str = "bench", **changes: object) -> McpServer:
    transport = StdioTransport("python", ("-m", "x"), (("KEY", "value"),), "/tmp")
    return replace(McpServer(new_id(), "red", name, transport, True, "1"), **changes)  # type: ignore[arg-type]


async def test_a_server_is_found_as_it_was_told(store: PostgresServerStore, tell: Tell) -> None:
    stdio = a_server()
    http = a_server("web", transport=StreamableHttpTransport("https://example.com/mcp"), enabled=False)
    assert await tell(stdio, 1)
    assert await tell(http, 2)
    assert await store.find("red", "bench") == stdio
    assert await store.find("red", "web") == http
    assert await store.list("red") == [stdio, http]


async def test_a_server_of_another_tenant_is_not_found(store: PostgresServerStore, tell: Tell) -> None:
    await tell(a_server(), 1)
    assert await store.find("blue", "bench") is None
    assert await store.list("blue") == []


async def test_what_is_out_of_date_changes_nothing(store: PostgresServerStore, tell: Tell) -> None:
    server = a_server(etag="5")
    assert await tell(server, 5)
    assert not await tell(replace(server, etag="4"), 4)
    assert not await tell(replace(server, etag="again"), 5)
    assert await store.find("red", "bench") == server
    assert await tell(replace(server, etag="6", enabled=False), 6)
    assert await store.find("red", "bench") == replace(server, etag="6", enabled=False)


async def test_a_deleted_server_is_gone_and_stays_gone(store: PostgresServerStore, tell: Tell) -> None:
    server = a_server()
    await tell(server, 1)
    await tell(server, 3, deleted=True)
    assert await store.find("red", "bench") is None
    assert not await tell(server, 2)
    await store.remember([server])
    assert await store.find("red", "bench") is None


async def test_a_deletion_that_comes_first_is_remembered(store: PostgresServerStore, tell: Tell) -> None:
    server = a_server()
    await tell(server, 2, deleted=True)
    assert not await tell(server, 1)
    assert await store.find("red", "bench") is None


async def test_of_two_with_one_name_the_later_is_found(store: PostgresServerStore, tell: Tell) -> None:
    earlier, later = sorted((a_server(), a_server()), key=lambda server: server.id)
    await tell(later, 2)
    await tell(earlier, 1)
    assert await store.find("red", "bench") == later
    assert await store.list("red") == [later]


async def test_an_event_wins_over_what_the_registry_answered(store: PostgresServerStore, tell: Tell) -> None:
    server = a_server()
    await store.remember([server])
    assert await store.find("red", "bench") == server
    await store.remember([replace(server, etag="asked again")])
    told = replace(server, etag="told")
    assert await tell(told, 1)
    await store.remember([server])
    assert await store.find("red", "bench") == told


async def test_nothing_to_remember_is_no_error(store: PostgresServerStore) -> None:
    await store.remember([])
    assert await store.find("red", str(uuid4())) is None
