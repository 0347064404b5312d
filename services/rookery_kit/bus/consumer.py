"""Consuming events so that each takes effect once."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from nats.aio.msg import Msg

from rookery_kit.bus.connection import Bus
from rookery_kit.bus.durable import Durable
from rookery_kit.bus.subjects import MESSAGE_ID_HEADER
from rookery_kit.errors import RookeryError
from rookery_kit.postgres import Connection, Database

_BATCH = 128
_RETRY_SECONDS = 0.5
_LONGEST_RETRY_SECONDS = 60.0
_log = structlog.get_logger(__name__)

_ENTER = "INSERT INTO inbox (consumer, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true"


@dataclass(frozen=True)
class Event:
    """An event off the bus."""

    subject: str
    payload: bytes
    message_id: str


class EventConsumer:
    """Hands events of a stream, EVENT unless told otherwise, to `handle`, in one transaction with the inbox.

    An event whose id is in the inbox is acknowledged and not handed over again. An event that cannot be handled is
    logged and comes again; the order among events of one subject is kept only where each handling succeeds, so
    handlers compare revisions.
    """

    def __init__(
        self,
        bus: Bus,
        database: Database,
        *,
        durable: str,
        filter_subject: str,
        handle: Callable[[Connection, Event], Awaitable[None]],
        stream: str = "EVENT",
    ) -> None:
        self._source = Durable(stream, durable, filter_subject, _BATCH)
        self._bus = bus
        self._database = database
        self._handle = handle

    async def run(self) -> None:
        """Consumes until cancelled. Outages of the database and the bus are waited out."""
        await self._source.read(self._bus, self._take_all)

    async def _take_all(self, messages: Sequence[Msg]) -> None:
        for message in messages:
            await self._take(message)

    async def _take(self, message: Msg) -> None:
        headers = message.headers or {}
        message_id = headers.get(MESSAGE_ID_HEADER) or f"{message.metadata.stream}-{message.metadata.sequence.stream}"
        event = Event(message.subject, message.data, message_id)
        try:
            async with self._database.system_transaction() as connection:
                if await connection.fetchval(_ENTER, self._source.name, message_id):
                    await self._handle(connection, event)
        except RookeryError:
            await message.nak(delay=_RETRY_SECONDS)
            raise
        except Exception:
            _log.exception(
                "event not handled", consumer=self._source.name, subject=event.subject, message_id=message_id
            )
            await message.nak(delay=min(_LONGEST_RETRY_SECONDS, 2.0 ** min(message.metadata.num_delivered, 10)))
            return
        await message.ack()
