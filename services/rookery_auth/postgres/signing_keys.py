"""Signing keys on Postgres."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from asyncpg import Record
from rookery_kit.identity import FIRST_TENANT
from rookery_kit.postgres import Connection, Database, Queries

from rookery_auth.model import RotationInProgress, SigningKey


class PostgresSigningKeys:
    """Implements SigningKeyStore. Rotations are for callers of the first tenant, whose transaction they join."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries
        self._rotated: Callable[[], None] | None = None
        self._replaced: Callable[[], Awaitable[None]] | None = None

    def on_change(self, *, rotated: Callable[[], None], replaced: Callable[[], Awaitable[None]]) -> None:
        """Has `rotated` called after each rotation that this process commits; `replaced` where all others ended."""
        self._rotated, self._replaced = rotated, replaced

    async def list_in_use(self) -> tuple[Sequence[SigningKey], datetime]:
        """The keys that have not retired, oldest first, and the time by the database's clock."""
        async with self._database.system_statement() as connection:
            now = await connection.fetchval("SELECT clock_timestamp()")
            rows = await connection.fetch(self._queries["list_signing_keys_in_use"])
        return [signing_key(row) for row in rows], now

    async def list(self, before: tuple[datetime, str] | None, limit: int) -> tuple[Sequence[SigningKey], datetime]:
        """Keys, newest first, and the time by the database's clock."""
        async with self._database.system_transaction() as connection:
            now = await connection.fetchval("SELECT now()")
            rows = await connection.fetch(self._queries["list_signing_keys"], *(before or (None, "")), limit)
        return [signing_key(row) for row in rows], now

    async def rotate(self, key: SigningKey, delay: timedelta, overlap: timedelta) -> SigningKey:
        """Keeps a key that signs after `delay`; those before retire then, and expire `overlap` later."""
        async with self._database.transaction(FIRST_TENANT) as connection:
            await connection.execute(self._queries["lock_bootstrap"])
            pending = await connection.fetchval(self._queries["find_pending_signing_key"])
            if pending is not None:
                raise RotationInProgress(pending)
            await connection.execute(self._queries["retire_signing_keys"], delay, overlap)
            kept = await add_signing_key(connection, self._queries, key, delay)
        if self._rotated is not None:
            self._database.after_commit(self._rotated)
        return kept

    async def replace(self, key: SigningKey) -> SigningKey:
        """Keeps a key that signs at once; every other one ends at once."""
        async with self._database.transaction(FIRST_TENANT) as connection:
            await connection.execute(self._queries["lock_bootstrap"])
            await connection.execute(self._queries["end_signing_keys"])
            kept = await add_signing_key(connection, self._queries, key, timedelta())
        if self._replaced is not None:
            await self._database.settle_after_commit(self._replaced)
        return kept

    async def reseal(self, sealed: Mapping[str, bytes]) -> None:
        """Replaces the sealed private parts, by key id, all or none."""
        async with self._database.transaction(FIRST_TENANT) as connection:
            await connection.execute(self._queries["lock_bootstrap"])
            for kid, private in sealed.items():
                await connection.execute(self._queries["reseal_signing_key"], kid, private)

    async def wipe_retired(self) -> None:
        """Removes the private parts of keys that have retired."""
        async with self._database.system_statement() as connection:
            await connection.execute(self._queries["wipe_signing_keys"])


async def add_signing_key(connection: Connection, queries: Queries, key: SigningKey, delay: timedelta) -> SigningKey:
    """Keeps a key that signs after `delay`, by the database's clock; answers it with its times."""
    row = await connection.fetchrow(queries["add_signing_key"], key.kid, key.public_x, key.encrypted_private, delay)
    assert row is not None
    return signing_key(row)


def signing_key(row: Record) -> SigningKey:
    """The key of a row."""
    return SigningKey(
        kid=row["kid"],
        public_x=row["public_x"],
        encrypted_private=row["encrypted_private"],
        create_time=row["create_time"],
        activate_time=row["activate_time"],
        retire_time=row["retire_time"],
        expire_time=row["expire_time"],
    )
