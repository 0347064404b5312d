"""The transactional outbox: an event is stored with the change it tells of, and leaves afterwards."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import structlog
from asyncpg import Record

from rookery_kit.bus.atomic_batch import Publication
from rookery_kit.bus.connection import Bus
from rookery_kit.errors import ResourceExhausted, RookeryError
from rookery_kit.postgres import Connection, Database
from rookery_kit.tracing import current_traceparent

_BATCH = 256
_IDLE_SECONDS = 1.0
_RETRY_SECONDS = 0.5
_CONTENDED_SECONDS = 0.05
# Below the payload that NATS takes by default (1 MiB), headers included: a larger event could never leave.
MAX_EVENT_BYTES = 1_000_000
_log = structlog.get_logger(__name__)

_APPEND = """
INSERT INTO outbox (message_id, subject, payload, traceparent)
SELECT message_id, subject, payload, $4
FROM unnest($1::text[], $2::text[], $3::bytea[]) WITH ORDINALITY AS e (message_id, subject, payload, place)
ORDER BY place"""
# Held to the end of the transaction: of several replicas one relays at a time, so the order of ids is kept.
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext(current_schema() || '.outbox'))"
_READ = "SELECT id, message_id, subject, payload, traceparent FROM outbox ORDER BY id LIMIT $1"
_DELETE = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"


class EventTooLarge(ResourceExhausted):
    """The event that would tell of the change is larger than the bus takes, so the change is not made."""

    reason = "MESSAGE_TOO_LARGE"


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event to be published. `message_id` makes its publication happen once."""

    subject: str
    payload: bytes
    message_id: str


async def append(connection: Connection, subject: str, payload: bytes, message_id: str) -> None:
    """Stores one event in the caller's transaction, as `append_all` does."""
    await append_all(connection, [OutgoingEvent(subject, payload, message_id)])


async def append_all(connection: Connection, events: Sequence[OutgoingEvent]) -> None:
    """Stores events in the caller's transaction, in order, in one statement. Raises EventTooLarge."""
    for event in events:
        if len(event.payload) > MAX_EVENT_BYTES:
            raise EventTooLarge(f"an event has {len(event.payload)} bytes; at most {MAX_EVENT_BYTES} are carried")
    await connection.execute(
        _APPEND,
        [event.message_id for event in events],
        [event.subject for event in events],
        [event.payload for event in events],
        current_traceparent(),
    )


class OutboxRelay:
    """Publishes what is in the outbox, in order, and removes it once the bus has acknowledged.

    An event is published at least once; its message id lets the bus and the inbox see a repetition. Events of which the
    third token of the subject is `urgent` go before all others, so that no backlog of these holds them up; the
    service's outbox has an index of them, `WHERE split_part(subject, '.', 3) = '<urgent>'`.
    """

    def __init__(self, database: Database, bus: Bus, urgent: str = "") -> None:
        self._database = database
        self._bus = bus
        # A literal: a parameter would keep the planner from the partial index.
        self._read_urgent = _READ.replace("ORDER", f"WHERE split_part(subject, '.', 3) = '{urgent}' ORDER")
        self._urgent = urgent
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Tells the relay that there is something to publish, after a commit."""
        self._wake.set()

    async def run(self) -> None:
        """Relays until cancelled. Outages of the database and the bus are waited out."""
        while True:
            self._wake.clear()
            try:
                relayed = await self.relay_once()
            except RookeryError as error:
                _log.warning("outbox waits", reason=error.reason)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if relayed is None:
                # Another replica is at it, and may have begun before our change was committed.
                await asyncio.sleep(_CONTENDED_SECONDS)
            elif relayed < _BATCH:
                try:
                    async with asyncio.timeout(_IDLE_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def relay_once(self) -> int | None:
        """Publishes one batch and answers how many events it held; None: another replica is relaying."""
        async with self._database.system_transaction() as connection:
            if not await connection.fetchval(_LOCK):
                return None
            rows = await self._next(connection)
            if rows:
                for _, run in groupby(map(_publication, rows), key=_stream_token):
                    await self._bus.publish_all(list(run))
                await connection.execute(_DELETE, [row["id"] for row in rows])
            return len(rows)

    async def _next(self, connection: Connection) -> Sequence[Record]:
        oldest = await connection.fetch(_READ, _BATCH)
        if not self._urgent:
            return oldest
        urgent = await connection.fetch(self._read_urgent, _BATCH)
        first = {row["id"] for row in urgent}
        return [*urgent, *(row for row in oldest if row["id"] not in first)][:_BATCH]


def _publication(row: Record) -> Publication:
    return Publication(row["subject"], row["payload"], row["message_id"], row["traceparent"])


def _stream_token(publication: Publication) -> str:
    """The token of a subject that decides on its stream: only what is in one stream is stored together."""
    return publication.subject.split(".", 3)[2]
