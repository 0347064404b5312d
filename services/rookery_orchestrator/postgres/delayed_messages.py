"""Messages that wait for their time of delivery."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from rookery_kit.postgres import Database, Queries

from rookery_orchestrator.mailbox.delayed import Delayed, DueMail
from rookery_orchestrator.mailbox.model import Priority
from rookery_orchestrator.mailbox.wire import seal, unseal_message


class PostgresDelayedStore:
    """Implements DelayedStore."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def add(self, delayed: Sequence[Delayed]) -> Sequence[bool]:
        """Keeps messages of any tenants in one statement; for each whether it was there before."""
        columns = zip(
            *(
                (
                    each.tenant,
                    each.message.sender,
                    each.message.id,
                    each.message.recipient_agent_id,
                    each.message.priority.value,
                    each.message.deliver_time,
                    seal(each.message),
                )
                for each in delayed
            ),
            strict=True,
        )
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["add_delayed_messages"], *map(list, columns))
        added = {(row["tenant"], row["sender"], str(row["id"])) for row in rows}
        known: list[bool] = []
        for each in delayed:
            name = each.tenant, each.message.sender, each.message.id
            known.append(name not in added)
            added.discard(name)
        return known

    async def waiting(self, mailboxes: Sequence[tuple[str, str]]) -> Sequence[int]:
        """How many wait for each tenant and agent."""
        tenants, agents = [tenant for tenant, _ in mailboxes], [agent for _, agent in mailboxes]
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["count_delayed_messages"], tenants, agents)
        return [row["count"] for row in rows]

    @asynccontextmanager
    async def due(self, most: int, postpone: float) -> AsyncIterator[DueMail]:
        """Takes messages whose time has come away from other replicas, in one transaction with their removal."""
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["take_due_messages"], most)
            due = DueMail([Delayed(row["tenant"], unseal_message(row["mail"])) for row in rows], set())
            yield due
            for query, chosen in (
                ("remove_delayed_messages", [row for index, row in enumerate(rows) if index not in due.postponed]),
                ("postpone_delayed_messages", [rows[index] for index in due.postponed]),
            ):
                if chosen:
                    names = [[row[column] for row in chosen] for column in ("tenant", "sender", "id")]
                    more = (timedelta(seconds=postpone),) if query.startswith("postpone") else ()
                    await connection.execute(self._queries[query], *names, *more)

    async def now(self) -> datetime:
        """The database's time."""
        async with self._database.system_transaction() as connection:
            moment: datetime = await connection.fetchval(self._queries["read_clock"])
        return moment

    async def seconds_to_next(self) -> float | None:
        """When the next one is due; None: none waits."""
        async with self._database.system_transaction() as connection:
            seconds: float | None = await connection.fetchval(self._queries["find_next_delayed_message"])
        return seconds

    async def cancel(self, tenant: str, agent_id: str, priority: Priority | None) -> int:
        """Removes what waits for an agent."""
        async with self._database.transaction(tenant) as connection:
            told = await connection.execute(
                self._queries["cancel_delayed_messages"], tenant, agent_id, priority and priority.value
            )
        return int(told.rpartition(" ")[2])
