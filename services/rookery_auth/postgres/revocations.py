"""Revocations on Postgres."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from asyncpg import Record
from rookery_kit.bus import append_all
from rookery_kit.identity_feed import RevocationKind
from rookery_kit.postgres import Connection, Database, Queries

from rookery_auth.model import Revocation
from rookery_auth.postgres.announcements import Announcements
from rookery_auth.postgres.identity_events import revocation_event

_BATCH = 1000
# A commit may take so long; a token earned right after it bears a time as far ahead, within the leeway of verifiers.
_AHEAD = timedelta(seconds=2)


class PostgresRevocations:
    """Implements RevocationStore: the row and its announcement are one transaction."""

    def __init__(self, database: Database, queries: Queries, announcements: Announcements) -> None:
        self._database = database
        self._queries = queries
        self._announcements = announcements

    async def revoke(
        self, kind: RevocationKind, tenant: str, target: str, revoke_time: datetime, expire_time: datetime
    ) -> None:
        """Keeps a revocation and announces it after the commit."""
        async with self._database.transaction(tenant) as connection:
            kept = await self.announce(connection, Revocation(kind, tenant, target, revoke_time, expire_time))
        await self.committed([kept])

    async def revoke_until_now(
        self, tenant: str, targets: Sequence[tuple[RevocationKind, str]], token_lifetime: timedelta
    ) -> None:
        """Keeps and announces that tokens earned before the commit are refused."""
        async with self._database.transaction(tenant) as connection:
            revoke_time = await connection.fetchval(self._queries["lock_narrowing"], tenant) + _AHEAD
            kept = [
                await self.announce(
                    connection, Revocation(kind, tenant, target, revoke_time, revoke_time + token_lifetime)
                )
                for kind, target in targets
            ]
        await self.committed(kept)

    async def announce(self, connection: Connection, asked: Revocation) -> Revocation:
        """Keeps and announces one in a transaction of the caller's, who tells `committed` of the answer afterwards."""
        row = await connection.fetchrow(
            self._queries["revoke"],
            asked.id,
            asked.tenant,
            asked.kind.value,
            asked.target,
            asked.revoke_time,
            asked.expire_time,
        )
        assert row is not None
        kept = _revocation(row)
        await append_all(connection, [revocation_event(kept)])
        return kept

    async def committed(self, revocations: Sequence[Revocation]) -> None:
        """Has this replica and then every service refuse what they revoke, once they are committed."""
        await self._announcements.committed(revocations=revocations)

    async def of(self, tenant: str, targets: Sequence[str]) -> tuple[Sequence[Revocation], datetime]:
        """Those in force of a tenant whose target is among these, and a time before the reading."""
        async with self._database.system_statement() as connection:
            rows = await connection.fetch(self._queries["find_revocations"], tenant, targets)
        return [_revocation(row) for row in rows if row["kind"] is not None], rows[0]["read_time"]

    async def replay(self) -> None:
        """Announces all that are in force again. One that changes meanwhile is announced later than here."""
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["lock_revocations"])
            for start in range(0, len(rows), _BATCH):
                batch = rows[start : start + _BATCH]
                await append_all(connection, [revocation_event(_revocation(row)) for row in batch])
        self._announcements.replayed()

    async def waiting(self) -> bool:
        """Whether something announced to every service has not left yet."""
        return await self._announcements.waiting()

    async def expired(self, limit: int) -> Sequence[Revocation]:
        """At most `limit` of those that have expired."""
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["list_expired_revocations"], limit)
        return [_revocation(row) for row in rows]

    async def forget(self, revocations: Sequence[Revocation]) -> None:
        """Removes those that have expired and were not revoked again."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["forget_revocations"], [each.id for each in revocations])


def _revocation(row: Record) -> Revocation:
    return Revocation(RevocationKind(row["kind"]), row["tenant"], row["target"], row["revoke_time"], row["expire_time"])
