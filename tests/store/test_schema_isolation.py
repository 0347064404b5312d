import psycopg
import pytest
from harness.databases import FreshDatabase
from psycopg import sql
from rookery_kit.postgres.provision import SERVICES, runtime_role

PAIRS = [(service, other) for service in SERVICES for other in SERVICES if service != other]


def tables(database: FreshDatabase, schema: str) -> list[str]:
    with psycopg.connect(database.admin_url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,)).fetchall()
    return [str(row[0]) for row in rows]


@pytest.mark.capability("A6")
@pytest.mark.parametrize(("service", "other"), PAIRS)
def test_the_role_of_one_service_is_refused_on_every_table_of_another(
    fresh_database: FreshDatabase, service: str, other: str
) -> None:
    foreign = tables(fresh_database, other)
    assert foreign
    with psycopg.connect(fresh_database.url(service), autocommit=True) as connection:
        for table in foreign:
            name = sql.Identifier(other, table)
            for statement in ("SELECT * FROM {}", "DELETE FROM {}", "TRUNCATE {}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                    connection.execute(sql.SQL(statement).format(name))


@pytest.mark.capability("A6")
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_change_rows_and_not_the_schema(fresh_database: FreshDatabase, service: str) -> None:
    with psycopg.connect(fresh_database.url(service), autocommit=True) as connection:
        for statement in (
            "CREATE TABLE {}.planted (id int)",
            "ALTER TABLE {}.outbox DISABLE ROW LEVEL SECURITY",
            "DROP TABLE {}.outbox",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL(statement).format(sql.Identifier(service)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(f"{runtime_role(service)}_owner")))


@pytest.mark.capability("A6")
@pytest.mark.parametrize("service", SERVICES)
def test_every_table_with_a_tenant_is_under_row_level_security(fresh_database: FreshDatabase, service: str) -> None:
    query = """
        SELECT c.relname, c.relrowsecurity FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped
        WHERE n.nspname = %s AND c.relkind = 'r'"""
    with psycopg.connect(fresh_database.admin_url) as connection:
        rows = connection.execute(query, (service,)).fetchall()
    assert rows
    assert all(secured for _, secured in rows), rows


@pytest.mark.capability("A6")
@pytest.mark.parametrize("service", SERVICES)
def test_a_forgotten_where_shows_no_row_of_another_tenant(fresh_database: FreshDatabase, service: str) -> None:
    insert = """INSERT INTO idempotency (tenant, subject, method, request_id, request_digest)
        VALUES (%s, 'user:x', 'm', gen_random_uuid(), '')"""
    with psycopg.connect(fresh_database.url(service), options=f"-c search_path={service}") as connection:
        for tenant in ("red", "blue"):
            with connection.transaction():
                connection.execute("SELECT set_config('rookery.tenant', %s, true)", (tenant,))
                connection.execute(insert, (tenant,))
        with connection.transaction():
            connection.execute("SELECT set_config('rookery.tenant', 'blue', true)")
            assert connection.execute("SELECT tenant FROM idempotency").fetchall() == [("blue",)]
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(insert, ("red",))
        with connection.transaction():
            assert connection.execute("SELECT tenant FROM idempotency").fetchall() == []
