"""Roles and schemas: what a database administrator does once, before the first migration.

For each service: `rookery_<service>_owner` (no login) owns the schema `<service>`; `rookery_<service>` (login) may
read and write rows there, is subject to row-level security, and may do nothing in any other schema.
"""

import psycopg
from psycopg import sql

SERVICES = ("auth", "registry", "orchestrator", "tool_executor")


def runtime_role(service: str) -> str:
    """The role under which a service runs."""
    return f"rookery_{service}"


def owner_role(service: str) -> str:
    """The role that owns a service's tables."""
    return f"rookery_{service}_owner"


def provision(connection: "psycopg.Connection[tuple[object, ...]]", service: str, password: str) -> None:
    """Creates or mends the roles, the schema and the grants of one service. Safe to repeat."""
    runtime, owner, schema = map(sql.Identifier, (runtime_role(service), owner_role(service), service))
    for role, attributes in ((owner_role(service), "NOLOGIN"), (runtime_role(service), "LOGIN")):
        found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        verb = "ALTER" if found else "CREATE"
        statement = f"{verb} ROLE {{}} {attributes} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
        connection.execute(sql.SQL(statement).format(sql.Identifier(role)))
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(runtime, sql.Literal(password)))
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(schema, owner))
    connection.execute(sql.SQL("REVOKE ALL ON SCHEMA {} FROM PUBLIC").format(schema))
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, runtime))
    for objects, privileges in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT")):
        connection.execute(
            sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT {} ON {} TO {}").format(
                owner, schema, sql.SQL(privileges), sql.SQL(objects), runtime
            )
        )
