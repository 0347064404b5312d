"""The audit trail of messages."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from asyncpg import Record
from rookery_kit.postgres import Database, Queries

from rookery_orchestrator.mailbox.model import MessageState
from rookery_orchestrator.trail.model import AnswerKey, EndEntry, MessageRecord, Question, SentEntry, TrailQuery

_UP_TO_EXPIRE_TIME = 9


class PostgresTrailStore:
    """Implements TrailStore."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def ensure_days(self, days: Collection[date]) -> None:
        """Makes room for messages that were accepted on these days (UTC)."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["ensure_message_days"], sorted(days))

    async def drop_days(self, before: date) -> int:
        """Forgets every message that was accepted before a day; answers how many days that were."""
        async with self._database.system_transaction() as connection:
            return int(await connection.fetchval(self._queries["drop_message_days"], before) or 0)

    async def append(self, sent: Sequence[SentEntry], ended: Sequence[EndEntry]) -> Sequence[EndEntry]:
        """Takes entries down, each table in one statement; answers the ends of messages that it does not know."""
        async with self._database.system_transaction() as connection:
            if sent:
                await connection.execute(self._queries["append_messages"], [_row(entry) for entry in sent])
            if not ended:
                return []
            latest = _latest(ended)
            rows = await connection.fetch(self._queries["end_messages"], *_ended_columns(latest))
        return [latest[row["place"] - 1] for row in rows]

    async def append_missing(self, sent: Sequence[SentEntry]) -> None:
        """Takes down those of whose sender and id there is nothing that was accepted within the bus's window."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["append_missing_messages"], [_row(entry) for entry in sent])

    async def questions(self, answers: Collection[AnswerKey]) -> Mapping[AnswerKey, Question]:
        """The requests that were answered, as far as the trail has them."""
        columns = (list(column) for column in zip(*answers, strict=True))
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["find_questions"], *columns)
        return {
            AnswerKey(row["tenant"], str(row["reply_address"]), str(row["recipient_agent_id"])): Question(
                str(row["id"]), row["sender"]
            )
            for row in rows
        }

    async def page(self, tenant: str, query: TrailQuery) -> Sequence[MessageRecord]:
        """Messages, newest first."""
        statement, arguments = self._listing(tenant, query)
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(statement, *arguments)
        return [_record(row) for row in rows]

    def _listing(self, tenant: str, query: TrailQuery) -> tuple[str, list[object]]:
        """The statement asks only for what is asked for, so that each has a plan of its own, on an index."""
        arguments: list[object] = [tenant, query.limit]
        conditions: list[str] = []

        def ask(condition: str, *values: object) -> None:
            numbers = range(len(arguments) + 1, len(arguments) + len(values) + 1)
            arguments.extend(values)
            conditions.append(condition.format(*(f"${number}" for number in numbers)))

        if query.after is not None:
            ask("(create_time, id) < ({}, {}::uuid)", query.after.create_time, query.after.id)
        if query.correlation_id:
            ask("correlation_id = {}", query.correlation_id)
        if query.type:
            ask("type = {}", query.type)
        if query.since is not None:
            ask("create_time >= {}", query.since)
        if query.until is not None:
            ask("create_time < {}", query.until)
        if query.state is not None:
            ask("state = {}", query.state)
        agents = [agent for agent in (query.visible_to, query.agent_id) if agent]
        for agent in agents[1:]:
            ask("(recipient_agent_id = {}::uuid OR sender = {})", agent, f"agent:{agent}")
        name = "list_messages_of_agent" if agents else "list_messages"
        if agents:
            arguments += [agents[0], f"agent:{agents[0]}"]
        wanted = "".join(f" AND {condition}" for condition in conditions)
        statement = self._queries[name].replace("/*filter*/", wanted)
        return statement.replace("$recipient", f"${len(arguments) - 1}").replace(
            "$sender", f"${len(arguments)}"
        ), arguments


def _row(entry: SentEntry) -> tuple[object, ...]:
    """A row of `messages`, its columns in the order of the table."""
    return (*entry[:_UP_TO_EXPIRE_TIME], MessageState.SENT, None, 0, entry.envelope, entry.key, entry.reply_address)


def _latest(ended: Sequence[EndEntry]) -> list[EndEntry]:
    """Of several ends of a message the last: a row can be updated once in a statement."""
    by_message: dict[tuple[str, datetime, str, str], EndEntry] = {}
    for entry in sorted(ended, key=lambda each: each.end_time):
        by_message[entry.tenant, entry.create_time, entry.id, entry.sender] = entry
    return list(by_message.values())


def _ended_columns(ended: Sequence[EndEntry]) -> tuple[list[object], ...]:
    """The entries by column: their fields are those of `end_messages`, in its order."""
    return tuple(map(list, zip(*ended, strict=True)))


def _record(row: Record) -> MessageRecord:
    return MessageRecord(
        create_time=row["create_time"],
        id=str(row["id"]),
        envelope=row["envelope"],
        state=MessageState(row["state"]),
        end_time=row["end_time"],
        delivery=row["delivery"],
    )
