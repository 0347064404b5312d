import asyncio

import asyncpg
import pytest
from harness.databases import OpenDatabase
from rookery_kit.postgres import Database

KEEP = """
INSERT INTO idempotency (tenant, subject, method, request_id, request_digest)
VALUES ($1, 'user:x', 'm', gen_random_uuid(), '')"""
COUNT = "SELECT count(*) FROM idempotency"


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("registry")


async def test_a_statement_of_the_service_commits_by_itself_and_sees_every_tenant(database: Database) -> None:
    async with database.system_statement() as connection:
        for tenant in ("red", "blue"):
            await connection.execute(KEEP, tenant)
        with pytest.raises(asyncpg.NotNullViolationError):
            await connection.execute(KEEP, None)
        assert await connection.fetchval(COUNT) == 2
    async with database.transaction("red") as connection:
        assert await connection.fetchval(COUNT) == 1


async def keep_beside_and_fail(database: Database) -> None:
    async with database.shared_transaction("red"):
        async with database.system_statement() as connection:
            await connection.execute(KEEP, "red")
        raise LookupError


async def test_a_statement_of_the_service_joins_no_shared_transaction(database: Database) -> None:
    with pytest.raises(LookupError):
        await keep_beside_and_fail(database)
    async with database.transaction("red") as connection:
        assert await connection.fetchval(COUNT) == 1


@pytest.mark.capability("A6")
async def test_a_connection_for_tenants_never_becomes_one_for_all(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.system_statement() as connection:
            await connection.execute(KEEP, f"t{number}")

    async def read(number: int) -> int:
        async with database.transaction(f"t{number}") as connection:
            return int(await connection.fetchval("SELECT count(DISTINCT tenant) FROM idempotency"))

    await asyncio.gather(*(write(number) for number in range(20)))
    assert await asyncio.gather(*(read(number) for number in range(20))) == [1] * 20


async def test_a_transaction_left_open_by_a_cancelled_caller_is_gone_when_its_connection_is_used_again(
    database: Database,
) -> None:
    begun = asyncio.Event()

    async def hang() -> None:
        async with database.transaction("red") as connection:
            await connection.execute(KEEP, "red")
            begun.set()
            await asyncio.Event().wait()

    for _ in range(6):
        begun.clear()
        hanging = asyncio.create_task(hang())
        await begun.wait()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
    async with database.transaction("red") as connection:
        assert await connection.fetchval(COUNT) == 0
