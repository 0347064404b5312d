"""Each schema is described twice, by its revisions and by schema.sql, and both say the same."""

import psycopg
import pytest
from harness.databases import PASSWORD, FreshDatabase, services_with_migrations
from harness.repository import SERVICES
from harness.schema_dump import dump_schema
from psycopg import sql
from rookery_kit.postgres.migrations import current_revision, migrate
from rookery_kit.postgres.provision import owner_role, provision
from rookery_kit.postgres.revisions import head_revision

each_service = pytest.mark.parametrize("service", services_with_migrations())
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s"


def load_schema_file(database: FreshDatabase, service: str) -> None:
    """Runs schema.sql as the owner in a schema that was provisioned and is empty."""
    statements = (SERVICES / f"rookery_{service}" / "schema.sql").read_text(encoding="utf-8")
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        provision(connection, service, PASSWORD)
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner_role(service))))
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(service)))
        connection.execute(statements.encode())


@pytest.mark.capability("D5")
@each_service
def test_the_sum_of_the_revisions_is_the_schema_file(
    service: str, fresh_database: FreshDatabase, empty_database: FreshDatabase
) -> None:
    load_schema_file(empty_database, service)
    assert dump_schema(fresh_database, service).splitlines() == dump_schema(empty_database, service).splitlines()


@pytest.mark.capability("D5")
@each_service
def test_a_schema_goes_back_to_nothing_and_forward_again(service: str, fresh_database: FreshDatabase) -> None:
    before = dump_schema(fresh_database, service)
    migrate(fresh_database.admin_url, service, "base")
    with psycopg.connect(fresh_database.admin_url) as connection:
        left = [str(row[0]) for row in connection.execute(TABLES, (service,))]
        assert left == ["alembic_version"]
        assert current_revision(connection, service) is None
    migrate(fresh_database.admin_url, service, "head")
    assert dump_schema(fresh_database, service) == before
    with psycopg.connect(fresh_database.admin_url) as connection:
        assert current_revision(connection, service) == head_revision(service)
