import psycopg
import pytest
from harness.databases import FreshDatabase
from psycopg import sql
from rookery_kit.postgres.provision import SERVICES, runtime_role

SET = "current_setting('rookery.tenant'::text, true)"
ISOLATED = f"(({SET} = tenant) OR ({SET} = '*'::text))"
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
def test_every_table_with_a_tenant_has_the_one_policy_and_is_bound_by_it(fresh_database: FreshDatabase) -> None:
    """Read from the catalogue, so that a table which is added without it fails here."""
    query = """
        SELECT c.oid::regclass::text, c.relrowsecurity, o.rolname, p.polpermissive, p.polcmd, p.polroles,
            pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped
        LEFT JOIN pg_policy p ON p.polrelid = c.oid
        WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') ORDER BY 1"""
    with psycopg.connect(fresh_database.admin_url) as connection:
        rows = connection.execute(query, (list(SERVICES),)).fetchall()
        unbound = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'rookery%%' AND (rolsuper OR rolbypassrls)"
        ).fetchall()
    assert unbound == []
    assert len(rows) > 20
    assert len({row[0] for row in rows}) == len(rows), "a table with several policies"
    for table, secured, owner, permissive, command, roles, condition, check in rows:
        assert secured, table
        assert owner.endswith("_owner"), table
        assert (permissive, command, roles, check) == (True, "*", [0], None), table
        assert condition == ISOLATED, table


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
