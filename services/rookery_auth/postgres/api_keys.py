"""API keys on Postgres."""

from asyncpg import Record
from rookery_kit.postgres import Database, Queries

from rookery_auth.model import ApiKey, CredentialInvalid


class PostgresApiKeys:
    """Implements ApiKeyStore. An exchange knows no tenant before it finds its row, so it sees all."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def find_api_key(self, key_id: str) -> ApiKey:
        """The key of an id that has not expired. Raises CredentialInvalid."""
        async with self._database.system_transaction() as connection:
            row = await connection.fetchrow(self._queries["find_api_key"], key_id)
        if row is None:
            raise CredentialInvalid
        return api_key(row)


def api_key(row: Record) -> ApiKey:
    """The key of a row."""
    return ApiKey(
        id=str(row["id"]),
        tenant=row["tenant"],
        subject=row["subject"],
        roles=tuple(row["roles"]),
        digest=row["digest"],
        create_time=row["create_time"],
        expire_time=row["expire_time"],
    )
