"""Reading a stream under a durable name, in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from rookery_kit.bus.connection import Bus
from rookery_kit.errors import RookeryError

_ACK_SECONDS = 30.0
_FETCH_SECONDS = 5.0
_RETRY_SECONDS = 0.5
# As many batches may be out, to all replicas together.
_BATCHES_OUT = 4
_log = structlog.get_logger(__name__)

Take = Callable[[Sequence[Msg]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Durable:
    """A consumer that the server remembers by its name.

    All who read under it share the messages of `subject`, in batches of at most `batch`.
    """

    stream: str
    name: str
    subject: str
    batch: int

    async def read(self, bus: Bus, take: Take) -> NoReturn:
        """Hands batches to `take`, one after another, until cancelled. Outages are waited out.

        `take` acknowledges; what it does not comes again, at once where it says so and else after 30 s. It may raise
        RookeryError when it cannot go on for a while.
        """
        while True:
            try:
                await self._read(bus, take)
            except (RookeryError, NatsError, OSError, TimeoutError) as error:
                _log.warning("consumer waits", consumer=self.name, error=str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _read(self, bus: Bus, take: Take) -> NoReturn:
        config = ConsumerConfig(
            durable_name=self.name,
            filter_subject=self.subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_SECONDS,
            deliver_policy=DeliverPolicy.ALL,
            max_ack_pending=self.batch * _BATCHES_OUT,
        )
        await bus.jetstream.add_consumer(self.stream, config)
        subscription = await bus.jetstream.pull_subscribe_bind(stream=self.stream, durable=self.name)
        try:
            while True:
                try:
                    messages = await subscription.fetch(self.batch, timeout=_FETCH_SECONDS)
                except TimeoutError:
                    # Nothing came; ask whether the consumer is still there, as after a loss of the server's disk.
                    await bus.jetstream.consumer_info(self.stream, self.name)
                    continue
                await take(messages)
        finally:
            if not bus.client.is_closed:
                await subscription.unsubscribe()
