"""The messages that have been settled."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rookery_kit.postgres import Database, Queries

from rookery_orchestrator.mailbox.inbox_summary import SettledAt
from rookery_orchestrator.mailbox.settled_inbox import Settled


class PostgresSettledStore:
    """Implements SettledStore and SettledHistory."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def add(self, settled: Sequence[Settled]) -> None:
        """Keeps keys of any tenants in one statement."""
        async with self._database.system_statement() as connection:
            columns = map(list, zip(*settled, strict=True))
            await connection.execute(self._queries["add_settled_messages"], *columns)

    async def known(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of the keys that are kept."""
        async with self._database.system_statement() as connection:
            return {row["key"] for row in await connection.fetch(self._queries["find_settled_messages"], keys)}

    async def horizon(self) -> int:
        """The oldest transaction that is under way; whatever an earlier one has settled is seen by now."""
        async with self._database.system_statement() as connection:
            return int(await connection.fetchval(self._queries["oldest_transaction_under_way"]))

    async def count(self, since: datetime, most: int) -> int:
        """How many were settled since, at most so many."""
        async with self._database.system_statement() as connection:
            return int(await connection.fetchval(self._queries["count_settled_messages"], since, most))

    async def read(self, since: datetime, after: bytes, most: int) -> list[bytes]:
        """At most so many of the keys settled since, from a key on, in their order."""
        async with self._database.system_statement() as connection:
            rows = await connection.fetch(self._queries["read_settled_messages"], after, since, most)
        return [row["key"] for row in rows]

    async def read_on(self, after: SettledAt, most: int) -> list[SettledAt]:
        """At most so many that come after a place, in the order of their transactions."""
        async with self._database.system_statement() as connection:
            rows = await connection.fetch(
                self._queries["read_on_settled_messages"], str(after.transaction), after.key, most
            )
        return [SettledAt(int(row["xid"]), row["key"]) for row in rows]

    async def sweep(self, older_than: timedelta, most: int) -> int:
        """Forgets at most so many keys of that age, and answers how many."""
        async with self._database.system_transaction() as connection:
            told = await connection.execute(self._queries["sweep_settled_messages"], older_than, most)
        return int(told.rpartition(" ")[2])
