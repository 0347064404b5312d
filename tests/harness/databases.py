"""A real Postgres for the session, and for each test a database of its own that stands at the newest revisions."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from rookery_kit.postgres import Database
from rookery_kit.postgres.migrate import migrate_up
from rookery_kit.postgres.provision import SERVICES, runtime_role
from rookery_kit.postgres.revisions import migrations_folder
from rookery_local.embedded_postgres import EmbeddedPostgres

PASSWORD = "only-for-tests"
_TEMPLATE = "rookery_template"
_MEMORY = Path("/dev/shm")
_LEAST_MEMORY_BYTES = 4 * 1024**3
_numbers = itertools.count(1)

OpenDatabase = Callable[[str], Awaitable[Database]]


@dataclass(frozen=True, slots=True)
class FreshDatabase:
    """A database with the roles, schemas and tables of every service, and no rows."""

    name: str
    server: EmbeddedPostgres

    @property
    def admin_url(self) -> str:
        """The URL of a superuser in this database."""
        return admin_url(self.server, self.name)

    def url(self, service: str) -> str:
        """The URL under which the service runs."""
        return self.server.url(runtime_role(service), PASSWORD, database=self.name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """The Postgres of this session (of each worker, when there are several); it need not survive a power cut."""
    # Short, because a Unix socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="rk-pg-", dir=_memory()))
    server = EmbeddedPostgres(folder / "data", durable=False)
    try:
        asyncio.run(server.start())
        yield server
    finally:
        asyncio.run(server.stop())
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database_template(postgres_server: EmbeddedPostgres) -> str:
    """The name of a database in which every service is provisioned and migrated; made once, copied per test."""
    create_database(postgres_server, _TEMPLATE)
    migrate_up(admin_url(postgres_server, _TEMPLATE), dict.fromkeys(services_with_migrations(), PASSWORD))
    return _TEMPLATE


@pytest.fixture
def fresh_database(postgres_server: EmbeddedPostgres, database_template: str) -> Iterator[FreshDatabase]:
    """A database of the test's own, dropped afterwards whoever is still connected."""
    name = f"test_{next(_numbers)}"
    create_database(postgres_server, name, template=database_template)
    yield FreshDatabase(name, postgres_server)
    drop_database(postgres_server, name)


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres) -> Iterator[FreshDatabase]:
    """A database of the test's own in which nothing is provisioned."""
    name = f"empty_{next(_numbers)}"
    create_database(postgres_server, name)
    yield FreshDatabase(name, postgres_server)
    drop_database(postgres_server, name)


@pytest.fixture
async def own_database() -> AsyncIterator[FreshDatabase]:
    """The registry's database on a server that this test may kill and start again."""
    folder = Path(tempfile.mkdtemp(prefix="rk-pg-"))
    server = EmbeddedPostgres(folder / "data")
    await server.start()
    try:
        migrate_up(server.admin_url, {"registry": PASSWORD})
        yield FreshDatabase("postgres", server)
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def open_database(fresh_database: FreshDatabase) -> AsyncIterator[OpenDatabase]:
    """Opens the kit's Database of a service, under its role in its schema; closed after the test."""
    async with AsyncExitStack() as opened:

        async def open_one(service: str) -> Database:
            database = await Database.connect(fresh_database.url(service), schema=service, pool_size=4)
            opened.push_async_callback(database.close)
            return database

        yield open_one


def _memory() -> Path | None:
    """A file system in memory, where there is one with room: most of a test's time went into copying a database."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _LEAST_MEMORY_BYTES:
        return _MEMORY
    return None


def services_with_migrations() -> tuple[str, ...]:
    """The services that keep a schema."""
    return tuple(service for service in SERVICES if any(migrations_folder(service).glob("[0-9]*.py")))


def create_database(server: EmbeddedPostgres, name: str, *, template: str = "template0") -> None:
    """Creates a database as a copy of another, to which nobody may be connected."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute(statement)


def drop_database(server: EmbeddedPostgres, name: str) -> None:
    """Drops a database and ends the connections to it."""
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def admin_url(server: EmbeddedPostgres, database: str) -> str:
    """The URL of the superuser in a database."""
    return urlunsplit(urlsplit(server.admin_url)._replace(path=f"/{database}"))
