"""The store of the log of changes."""

from collections.abc import Sequence
from datetime import timedelta

from asyncpg import Record
from rookery.events.v1 import agent_event_pb2
from rookery_kit.postgres import Connection, Database, Queries

from rookery_registry.model import Agent, WatchTooOld
from rookery_registry.postgres.agent_rows import agent_of
from rookery_registry.watching.log import LoggedChange, WatchFilter

_BATCH = 5_000


class PostgresChangeLog:
    """Implements ChangeLog."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def newest(self) -> int:
        """Gives every committed change a place, and answers the highest."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["wait_to_give_places"])
            while await self._give_places(connection) == _BATCH:
                pass
            newest: int = (await self._kept(connection))["newest"]
        return newest

    async def advance(self, after: int, limit: int) -> Sequence[LoggedChange]:
        """Gives places, and answers the changes after a place, of every tenant."""
        async with self._database.system_transaction() as connection:
            if await connection.fetchval(self._queries["try_to_give_places"]):
                await self._give_places(connection)
            rows = await connection.fetch(self._queries["changes_after"], after, limit)
        return [_change(row) for row in rows]

    async def after(self, tenant: str, place: int, limit: int) -> Sequence[LoggedChange]:
        """The changes of a tenant after a place."""
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(self._queries["tenant_changes_after"], tenant, place, limit)
            # Asked afterwards, so that what is trimmed meanwhile is noticed.
            trimmed = (await self._kept(connection))["trimmed"]
        if place < trimmed:
            raise WatchTooOld(trimmed)
        return [_change(row) for row in rows]

    async def snapshot(self, tenant: str, wanted: WatchFilter, after_name: str | None, limit: int) -> Sequence[Agent]:
        """Agents as they are, by name."""
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(
                self._queries["snapshot_of_agents"],
                tenant,
                after_name,
                wanted.capability or None,
                wanted.status or None,
                limit,
            )
        return [agent_of(row) for row in rows]

    async def trim(self, keep: timedelta, limit: int) -> int:
        """Removes changes that are older."""
        async with self._database.system_transaction() as connection:
            trimmed: int = await connection.fetchval(self._queries["trim_changes"], keep, limit)
        return trimmed

    async def _give_places(self, connection: Connection) -> int:
        return int((await connection.execute(self._queries["give_places"], _BATCH)).rpartition(" ")[2])

    async def _kept(self, connection: Connection) -> Record:
        row = await connection.fetchrow(self._queries["kept_places"])
        assert row is not None
        return row


def _change(row: Record) -> LoggedChange:
    return LoggedChange(row["place"], row["tenant"], agent_event_pb2.AgentChanged.FromString(row["payload"]))
