"""Messages on their way to many."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from asyncpg import Record
from rookery_kit.postgres import Connection, Database, Queries

from rookery_orchestrator.topics.model import (
    MOST_OPEN_FAN_OUTS,
    Accepted,
    FanOut,
    FanOutLimit,
    TopicNotFound,
    WaitingCopy,
)

_FIRST_RETRY = timedelta(seconds=1)


class PostgresFanOutStore:
    """Implements FanOutStore."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def publish(self, fan_out: FanOut, topic: str) -> Accepted:
        """Keeps a message for the members of a topic. Raises TopicNotFound, FanOutLimit."""
        async with self._database.transaction(fan_out.tenant) as connection:
            if (known := await self._begin(connection, fan_out)) is not None:
                return known
            topic_id = await connection.fetchval(self._queries["hold_topic"], fan_out.tenant, topic)
            if topic_id is None:
                raise TopicNotFound(topic)
            row = await connection.fetchrow(
                self._queries["add_publication"], fan_out.id, fan_out.tenant, fan_out.sender, topic_id, fan_out.mail
            )
        assert row is not None
        return Accepted(row["place"], row["recipient_count"], duplicate=False)

    async def broadcast(self, fan_out: FanOut) -> Accepted:
        """Keeps a message for its recipients. Raises FanOutLimit."""
        async with self._database.transaction(fan_out.tenant) as connection:
            if (known := await self._begin(connection, fan_out)) is not None:
                return known
            recipients = list(fan_out.recipients)
            row = await connection.fetchrow(
                self._queries["add_broadcast"], fan_out.id, fan_out.tenant, fan_out.sender, fan_out.mail, recipients
            )
        assert row is not None
        return Accepted(row["place"], row["recipient_count"], duplicate=False)

    async def recall(self, tenant: str, fan_out_id: str) -> Accepted | None:
        """What was accepted under an id; None: nothing."""
        async with self._database.transaction(tenant) as connection:
            return await self._recall(connection, tenant, fan_out_id)

    async def pending(self, places: Sequence[int]) -> Mapping[int, int]:
        """For how many recipients each of these messages waits, of those that have been offered."""
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["count_waiting_copies"], list(places))
        return {row["place"]: row["waiting"] for row in rows}

    @asynccontextmanager
    async def round(self) -> "AsyncIterator[PostgresFanOutRound | None]":
        """A round, kept at the end of the block; None: another replica has one."""
        async with self._database.system_transaction() as connection:
            alone = await connection.fetchval(self._queries["lock_fan_out_round"])
            yield PostgresFanOutRound(connection, self._queries) if alone else None

    async def forget_ended(self, older_than: timedelta) -> None:
        """Removes messages that were carried to everyone so long ago."""
        removed = "DELETE 5000"
        while removed == "DELETE 5000":
            async with self._database.system_transaction() as connection:
                removed = await connection.execute(self._queries["forget_ended_fan_outs"], older_than)

    async def _begin(self, connection: Connection, fan_out: FanOut) -> Accepted | None:
        """Lets senders wait for themselves; answers what is known under the id. Raises FanOutLimit."""
        await connection.execute(self._queries["lock_sender"], fan_out.tenant, fan_out.sender)
        known = await self._recall(connection, fan_out.tenant, fan_out.id)
        if known is None:
            limit = MOST_OPEN_FAN_OUTS
            if await connection.fetchval(self._queries["count_open_fan_outs"], fan_out.tenant, limit) >= limit:
                raise FanOutLimit("too many messages to many wait to be delivered", retry_after=5, limit=str(limit))
        return known

    async def _recall(self, connection: Connection, tenant: str, fan_out_id: str) -> Accepted | None:
        row = await connection.fetchrow(self._queries["find_fan_out"], tenant, fan_out_id)
        return None if row is None else Accepted(row["place"], row["recipient_count"], duplicate=True)


class PostgresFanOutRound:
    """Implements FanOutRound, in one transaction."""

    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def fresh(self, limit: int) -> Sequence[FanOut]:
        """Messages that have not been offered to anybody, in the order of acceptance."""
        return [_fan_out(row) for row in await self._connection.fetch(self._queries["list_fresh_fan_outs"], limit)]

    async def blocked(self, fan_outs: Sequence[FanOut]) -> Mapping[int, Collection[str]]:
        """By place, the recipients for whom an earlier message of the same sender waits."""
        places = [fan_out.place for fan_out in fan_outs]
        blocked: defaultdict[int, set[str]] = defaultdict(set)
        for row in await self._connection.fetch(self._queries["list_blocked_recipients"], places):
            blocked[row["place"]].add(str(row["recipient"]))
        return blocked

    async def due(self, limit: int) -> Sequence[tuple[FanOut, Sequence[WaitingCopy]]]:
        """Copies to be offered again, each with its message."""
        rows = await self._connection.fetch(self._queries["list_due_copies"], limit)
        found: dict[int, tuple[FanOut, list[WaitingCopy]]] = {}
        for row in rows:
            copies = found.setdefault(row["place"], (_fan_out(row), []))[1]
            copies.append(WaitingCopy(row["place"], str(row["recipient"]), row["attempts"]))
        return list(found.values())

    async def offered(self, fan_outs: Mapping[int, Collection[str]]) -> None:
        """Notes, by place, that messages were offered, and to whom they could not be delivered."""
        waiting = [(place, recipient) for place, recipients in fan_outs.items() for recipient in recipients]
        if waiting:
            places, recipients = zip(*waiting, strict=True)
            await self._connection.execute(
                self._queries["add_waiting_copies"], list(places), list(recipients), _FIRST_RETRY
            )
        await self._connection.execute(self._queries["mark_offered"], list(fan_outs))
        await self._connection.execute(self._queries["end_fan_outs"], list(fan_outs))

    async def refused_again(self, copies: Sequence[WaitingCopy], after: timedelta) -> None:
        """Lets copies wait for another while."""
        places, recipients = _keys(copies)
        await self._connection.execute(self._queries["defer_copies"], places, recipients, after)

    async def delivered(self, copies: Sequence[WaitingCopy]) -> None:
        """Notes that copies wait no more."""
        places, recipients = _keys(copies)
        await self._connection.execute(self._queries["remove_copies"], places, recipients)
        await self._connection.execute(self._queries["end_fan_outs"], places)


def _keys(copies: Sequence[WaitingCopy]) -> tuple[list[int], list[str]]:
    return [copy.place for copy in copies], [copy.recipient for copy in copies]


def _fan_out(row: Record) -> FanOut:
    return FanOut(
        place=row["place"],
        id=str(row["id"]),
        tenant=row["tenant"],
        sender=row["sender"],
        topic_id=str(row["topic_id"]) if row["topic_id"] else "",
        mail=row["mail"],
        recipients=tuple(str(recipient) for recipient in row["recipients"]),
    )
