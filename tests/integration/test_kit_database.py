import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from harness.databases import PASSWORD, FreshDatabase, OpenDatabase
from harness.eventually import eventually
from psycopg import connect, sql
from rookery_kit.postgres import Connection, Database, DatabaseUnavailable
from rookery_kit.postgres.head import SchemaBehind, require_head
from rookery_kit.postgres.migrate import migrate_up
from rookery_kit.postgres.migrations import migrate
from rookery_kit.postgres.retention import SharedTablesJanitor
from rookery_local.embedded_postgres import EmbeddedPostgres

KEEP = """
INSERT INTO idempotency (tenant, subject, method, request_id, request_digest)
VALUES ($1, 'user:x', 'm', gen_random_uuid(), '')"""


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("registry")


async def keep(connection: Connection, tenant: str) -> None:
    await connection.execute(KEEP, tenant)


async def keep_and_raise(database: Database, error: type[BaseException]) -> None:
    async with database.transaction("red") as connection:
        await keep(connection, "red")
        raise error


async def tenants(database: Database, tenant: str | None = None) -> list[str]:
    """The tenants whose rows a transaction of `tenant` sees; None: of the service itself."""
    scope = database.transaction(tenant) if tenant else database.system_transaction()
    async with scope as connection:
        return [row["tenant"] for row in await connection.fetch("SELECT tenant FROM idempotency ORDER BY tenant")]


@pytest.mark.capability("A6")
async def test_a_transaction_sees_and_writes_the_rows_of_its_tenant_alone(database: Database) -> None:
    for tenant in ("red", "blue"):
        async with database.transaction(tenant) as connection:
            await keep(connection, tenant)
    assert await tenants(database, "red") == ["red"]
    assert await tenants(database, "green") == []
    assert await tenants(database) == ["blue", "red"]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.transaction("red") as connection:
            await keep(connection, "blue")


@pytest.mark.capability("A6")
async def test_a_connection_keeps_no_tenant_from_the_transaction_before(fresh_database: FreshDatabase) -> None:
    database = await Database.connect(fresh_database.url("registry"), schema="registry", pool_size=1)
    try:
        async with database.transaction("red") as connection:
            await keep(connection, "red")
        assert await tenants(database, "blue") == []
    finally:
        await database.close()


@pytest.mark.parametrize("tenant", ["", "Red", "a'; DROP TABLE outbox; --", "a" * 64, "-a", "a\0"])
async def test_a_name_that_is_no_tenant_opens_no_transaction(database: Database, tenant: str) -> None:
    with pytest.raises(ValueError, match="tenant"):
        async with database.transaction(tenant):
            pytest.fail("the block must not be entered")


@pytest.mark.parametrize("error", [LookupError, asyncio.CancelledError])
async def test_any_error_takes_the_transaction_back(database: Database, error: type[BaseException]) -> None:
    with pytest.raises(error):
        await keep_and_raise(database, error)
    assert await tenants(database) == []


async def test_a_broken_constraint_reaches_the_store_as_what_it_is(database: Database) -> None:
    insert = "INSERT INTO inbox (consumer, message_id) VALUES ('c', 'm')"

    async def insert_twice() -> None:
        async with database.system_transaction() as connection:
            await connection.execute(insert)
            await connection.execute(insert)

    with pytest.raises(asyncpg.UniqueViolationError):
        await insert_twice()
    async with database.system_transaction() as connection:
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 0


async def test_transactions_of_the_same_tenant_join_the_shared_one(database: Database) -> None:
    async def share_and_fail() -> None:
        async with database.shared_transaction("red"):
            async with database.transaction("red") as inner:
                await keep(inner, "red")
            async with database.transaction("blue") as other:
                await keep(other, "blue")
            assert await tenants(database, "red") == ["red"]
            raise LookupError

    with pytest.raises(LookupError):
        await share_and_fail()
    assert await tenants(database) == ["blue"]


async def test_what_follows_a_commit_waits_for_it_and_falls_with_it(database: Database) -> None:
    told: list[str] = []
    database.after_commit(lambda: told.append("at once"))
    async with database.shared_transaction("red"):
        database.after_commit(lambda: told.append("after"))
        assert told == ["at once"]
    assert told == ["at once", "after"]

    async def share_and_fail() -> None:
        async with database.shared_transaction("red"):
            database.after_commit(lambda: told.append("never"))
            raise LookupError

    with pytest.raises(LookupError):
        await share_and_fail()
    assert told == ["at once", "after"]


async def test_what_a_commit_is_to_settle_is_awaited_once_before_its_block_is_left(database: Database) -> None:
    settled: list[list[str]] = []

    async def settle() -> None:
        settled.append(await tenants(database))

    await database.settle_after_commit(settle)
    async with database.shared_transaction("red") as connection:
        await keep(connection, "red")
        await database.settle_after_commit(settle)
        await database.settle_after_commit(settle)
        assert settled == [[]]
    assert settled == [[], ["red"]]

    async def share_and_fail() -> None:
        async with database.shared_transaction("red"):
            await database.settle_after_commit(settle)
            raise LookupError

    with pytest.raises(LookupError):
        await share_and_fail()
    assert len(settled) == 2


async def test_a_pool_with_no_connection_to_spare_is_unavailable(fresh_database: FreshDatabase) -> None:
    database = await Database.connect(
        fresh_database.url("registry"), schema="registry", pool_size=1, acquire_timeout=0.05
    )
    try:
        async with database.transaction("red"):
            with pytest.raises(DatabaseUnavailable):
                async with database.transaction("blue"):
                    pytest.fail("there is one connection")
    finally:
        await database.close()


async def test_a_statement_cut_off_by_its_caller_leaves_a_connection_that_works(fresh_database: FreshDatabase) -> None:
    database = await Database.connect(fresh_database.url("registry"), schema="registry", pool_size=1)
    try:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_wait_in(database), 0.1)
        assert await tenants(database, "red") == []
    finally:
        await database.close()


async def _wait_in(database: Database) -> None:
    async with database.transaction("red") as connection:
        await keep(connection, "red")
        await connection.execute("SELECT pg_sleep(60)")


async def test_a_role_with_another_password_is_unavailable(fresh_database: FreshDatabase) -> None:
    with pytest.raises(DatabaseUnavailable):
        await Database.connect(
            fresh_database.url("registry").replace(PASSWORD, "wrong-password"), schema="registry", pool_size=1
        )


async def test_a_session_that_is_ended_is_unavailable_and_the_next_transaction_works(
    database: Database, fresh_database: FreshDatabase
) -> None:
    async def lose_the_session() -> None:
        async with database.transaction("red") as connection:
            await keep(connection, "red")
            with connect(fresh_database.admin_url, autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s)", (connection.get_server_pid(),))
            await keep(connection, "red")

    with pytest.raises(DatabaseUnavailable):
        await lose_the_session()
    assert await tenants(database) == []


@pytest.fixture
async def own_server() -> AsyncIterator[EmbeddedPostgres]:
    """A Postgres of the test's own, which it may kill."""
    folder = Path(tempfile.mkdtemp(prefix="rk-pg-"))
    server = EmbeddedPostgres(folder / "data", durable=False)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_killed_server_is_unavailable_until_it_is_back(own_server: EmbeddedPostgres) -> None:
    await asyncio.to_thread(migrate_up, own_server.admin_url, {"registry": PASSWORD})
    database = await Database.connect(
        own_server.url("rookery_registry", PASSWORD), schema="registry", pool_size=2, acquire_timeout=2
    )
    try:
        async with database.transaction("red") as connection:
            await keep(connection, "red")
        await own_server.kill()
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
        with pytest.raises(DatabaseUnavailable):
            await tenants(database)
        await own_server.start()
        assert await eventually(lambda: tenants(database), retry=(DatabaseUnavailable,)) == ["red"]
    finally:
        await database.close()


async def test_a_service_runs_only_on_the_schema_it_was_written_for(
    database: Database, fresh_database: FreshDatabase, open_database: OpenDatabase
) -> None:
    await require_head(database, "registry")
    with connect(fresh_database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE registry.alembic_version SET version_num = '0000'")
    with pytest.raises(SchemaBehind, match="stands at revision 0000"):
        await require_head(database, "registry")
    await asyncio.to_thread(migrate, fresh_database.admin_url, "auth", "base")
    auth = await open_database("auth")
    with pytest.raises(SchemaBehind, match="has not been created"):
        await require_head(auth, "auth")


async def test_old_rows_of_the_shared_tables_are_swept_and_young_ones_stay(
    database: Database, fresh_database: FreshDatabase
) -> None:
    fill = sql.SQL("""
        INSERT INTO registry.inbox SELECT 'c', 'old' || n, now() - interval '9 days' FROM generate_series(1, 5001) n;
        INSERT INTO registry.inbox VALUES ('c', 'young', now() - interval '7 days');
        INSERT INTO registry.idempotency (tenant, subject, method, request_id, request_digest, create_time)
        VALUES ('red', 's', 'm', gen_random_uuid(), '', now() - interval '25 hours'),
               ('blue', 's', 'm', gen_random_uuid(), '', now() - interval '23 hours')""")
    with connect(fresh_database.admin_url, autocommit=True) as admin:
        admin.execute(fill)
    await SharedTablesJanitor(database).sweep()
    async with database.system_transaction() as connection:
        assert await connection.fetchval("SELECT array_agg(message_id) FROM inbox") == ["young"]
    assert await tenants(database) == ["blue"]
