"""Dead letters."""

from collections.abc import Sequence
from datetime import timedelta

from asyncpg import Record
from rookery_kit.filtering import FilterSchema, Text, enumeration, timestamp, uuid
from rookery_kit.postgres import Connection, Database, Queries

from rookery_orchestrator.dead_letters.model import (
    DeadLetter,
    DeadLetterNotFound,
    DeadLetterSettled,
    DeadLetterState,
    Place,
    Selection,
)
from rookery_orchestrator.dead_letters.store import Requeue

_FILTER = FilterSchema(
    {
        "agent_id": uuid("agent_id"),
        "sender": Text("sender"),
        "type": Text("type"),
        "reason": Text("reason"),
        "handler": Text("handler"),
        "agent_version": Text("agent_version"),
        "state": enumeration("state", {state.value: state.value for state in DeadLetterState}),
        "correlation_id": Text("correlation_id"),
        "message_id": Text("message_id"),
        "create_time": timestamp("create_time"),
    }
)


class PostgresDeadLetterStore:
    """Implements DeadLetterStore."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def keep_within(self, connection: Connection, dead: DeadLetter) -> None:
        """Keeps a dead letter in the caller's transaction; one that is kept already stays as it is."""
        await connection.execute(
            self._queries["keep_dead_letter"],
            dead.id,
            dead.tenant,
            dead.agent_id,
            dead.sender,
            dead.message_id,
            dead.type,
            dead.correlation_id,
            dead.reason,
            dead.detail,
            dead.deliveries,
            dead.agent_version,
            dead.handler,
            dead.letter,
            dead.create_time,
        )

    async def page(self, tenant: str, selection: Selection, after: Place | None, limit: int) -> Sequence[DeadLetter]:
        """Dead letters, newest first. Raises InvalidFilter."""
        condition = _FILTER.condition(selection.filter, first_parameter=7)
        statement = self._queries["list_dead_letters"].replace("/*filter*/", f"AND {condition.sql}")
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(
                statement,
                tenant,
                selection.agent_id,
                selection.state,
                after.create_time if after else None,
                after.id if after else None,
                limit,
                *condition.arguments,
            )
        return [_dead_letter(row) for row in rows]

    async def find(self, tenant: str, dead_letter_id: str, agent_id: str | None) -> DeadLetter:
        """The dead letter of an id, of this agent's mailbox; None: of any. Raises DeadLetterNotFound."""
        async with self._database.transaction(tenant) as connection:
            row = await connection.fetchrow(self._queries["find_dead_letter"], tenant, dead_letter_id, agent_id)
        if row is None:
            raise DeadLetterNotFound(dead_letter_id)
        return _dead_letter(row)

    async def count(self, tenant: str, agent_id: str) -> int:
        """How many of a mailbox are DEAD."""
        async with self._database.transaction(tenant) as connection:
            return int(await connection.fetchval(self._queries["count_dead_letters"], tenant, agent_id) or 0)

    async def settle_one(self, tenant: str, dead_letter_id: str, state: DeadLetterState, by: str) -> None:
        """Changes the state of one that is DEAD. Raises DeadLetterNotFound, DeadLetterSettled."""
        async with self._database.transaction(tenant) as connection:
            if await connection.fetchval(self._queries["settle_dead_letter"], tenant, dead_letter_id, state, by):
                return
            row = await connection.fetchrow(self._queries["find_dead_letter"], tenant, dead_letter_id, None)
        if row is None:
            raise DeadLetterNotFound(dead_letter_id)
        raise DeadLetterSettled(dead_letter_id, row["state"])

    async def settle_all(self, tenant: str, selection: Selection, state: DeadLetterState, by: str) -> int:
        """Changes the state of those selected that are DEAD, and answers how many. Raises InvalidFilter."""
        condition = _FILTER.condition(selection.filter, first_parameter=5)
        statement = self._queries["settle_dead_letters"].replace("/*filter*/", f"AND {condition.sql}")
        async with self._database.transaction(tenant) as connection:
            status = await connection.execute(statement, tenant, selection.agent_id, state, by, *condition.arguments)
        return int(status.rpartition(" ")[2])

    async def requeue_some(self, limit: int, requeue: Requeue) -> int:
        """Hands at most so many that are REQUEUING to `requeue`; they are REQUEUED where it says so."""
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["take_requeuing"], limit)
            outcomes = [await requeue(_dead_letter(row)) for row in rows]
            if rows:
                ids = [row["id"] for row in rows]
                await connection.execute(self._queries["mark_requeued"], ids, outcomes)
        return outcomes.count(True)

    async def forget(self, age: timedelta, limit: int) -> int:
        """Removes at most so many that are older, and answers how many."""
        async with self._database.system_transaction() as connection:
            status = await connection.execute(self._queries["forget_dead_letters"], age, limit)
        return int(status.rpartition(" ")[2])


def _dead_letter(row: Record) -> DeadLetter:
    return DeadLetter(
        id=str(row["id"]),
        tenant=row["tenant"],
        agent_id=str(row["agent_id"]),
        sender=row["sender"],
        message_id=row["message_id"],
        type=row["type"],
        correlation_id=row["correlation_id"],
        reason=row["reason"],
        detail=row["detail"],
        deliveries=row["deliveries"],
        agent_version=row["agent_version"],
        handler=row["handler"],
        letter=row["letter"],
        state=DeadLetterState(row["state"]),
        create_time=row["create_time"],
        update_time=row["update_time"],
        updated_by=row["updated_by"],
    )
