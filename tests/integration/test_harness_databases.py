import asyncpg
import psycopg
import pytest
from harness.databases import FreshDatabase, create_database, drop_database
from rookery_local.embedded_postgres import EmbeddedPostgres


async def test_a_fresh_database_is_reached_as_superuser_and_copied_from_the_template(
    fresh_database: FreshDatabase,
) -> None:
    connection = await asyncpg.connect(fresh_database.admin_url)
    try:
        assert await connection.fetchval("SELECT current_database()") == fresh_database.name
    finally:
        await connection.close()


def test_two_databases_do_not_see_each_other(postgres_server: EmbeddedPostgres, fresh_database: FreshDatabase) -> None:
    with psycopg.connect(fresh_database.admin_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE only_here (id int)")
        create_database(postgres_server, "another")
        try:
            other = FreshDatabase("another", postgres_server)
            with psycopg.connect(other.admin_url) as elsewhere, pytest.raises(psycopg.errors.UndefinedTable):
                elsewhere.execute("SELECT FROM only_here")
        finally:
            drop_database(postgres_server, "another")
