"""What the bus has told, read by a consumer of the test's own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

from google.protobuf.message import Message
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import MESSAGE_ID_HEADER

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class LoggedEvent(Generic[M]):
    """An event as it arrived."""

    subject: str
    message_id: str
    message: M


@dataclass
class EventLog(Generic[M]):
    """Every event on some subjects from the stream's beginning, in its order."""

    events: list[LoggedEvent[M]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def following(cls, bus: Bus, subject: str, message_class: type[M]) -> AsyncIterator[Self]:
        """Follows the stream EVENT until the block ends."""
        log = cls()

        async def keep(message: Msg) -> None:
            message_id = (message.headers or {}).get(MESSAGE_ID_HEADER, "")
            log.events.append(LoggedEvent(message.subject, message_id, message_class.FromString(message.data)))

        subscription = await bus.jetstream.subscribe(subject, stream="EVENT", ordered_consumer=True, cb=keep)
        try:
            yield log
        finally:
            with suppress(NatsError, TimeoutError):
                await asyncio.wait_for(subscription.unsubscribe(), timeout=1)
