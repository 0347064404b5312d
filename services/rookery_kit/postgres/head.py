"""A service runs only on the schema it was written for."""

import asyncpg

from rookery_kit.postgres.database import Database
from rookery_kit.postgres.revisions import head_revision


class SchemaBehind(Exception):
    """The schema does not stand at the revision that this version needs."""


async def require_head(database: Database, service: str) -> None:
    """Raises SchemaBehind unless the schema stands at the newest revision."""
    wanted = head_revision(service)
    try:
        async with database.system_transaction() as connection:
            found = await connection.fetchval("SELECT version_num FROM alembic_version")
    except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
        found = None
    if found != wanted:
        stands = f"stands at revision {found}" if found else "has not been created"
        raise SchemaBehind(f"the schema {service} {stands} and revision {wanted} is needed: migrate it first")
