"""What the first start creates, on Postgres."""

from rookery_kit.postgres import Database, Queries

from rookery_auth.model import ApiKey, SigningKey
from rookery_auth.postgres.api_keys import api_key


class PostgresBootstrap:
    """Implements BootstrapStore."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def bootstrap(self, signing_key: SigningKey, administrator: ApiKey) -> tuple[tuple[SigningKey, ...], ApiKey]:
        """Keeps the first signing key and administrator where there are none; answers those in force."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["lock_bootstrap"])
            rows = await connection.fetch(self._queries["list_signing_keys"])
            if not rows:
                key = signing_key
                await connection.execute(
                    self._queries["add_signing_key"], key.kid, key.public_x, key.encrypted_private, key.create_time
                )
                rows = await connection.fetch(self._queries["list_signing_keys"])
            found = await connection.fetchrow(
                self._queries["find_administrator"], administrator.tenant, administrator.subject
            )
            if found is None:
                await connection.execute(
                    self._queries["add_api_key"],
                    administrator.id,
                    administrator.tenant,
                    administrator.subject,
                    list(administrator.roles),
                    administrator.digest,
                    administrator.create_time,
                    administrator.expire_time,
                )
        keys = tuple(SigningKey(*row.values()) for row in rows)
        return keys, api_key(found) if found else administrator
