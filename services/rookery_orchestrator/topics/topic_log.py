"""What was published, kept for a while in the stream TOPIC for those who watch."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from rookery_kit.bus import Bus, BusUnavailable
from rookery_kit.bus.subjects import topic_subject

from rookery_orchestrator.topics.model import FanOut, LoggedPublication, Start, Topic

_STREAM = "TOPIC"
_BATCH = 64
_IDLE_SECONDS = 10.0
_CONSUMER_SECONDS = 60.0
# The server counts nanoseconds in 64 bits; what is beyond them would be a moment in between.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
_RETRY_SECONDS = 0.5


class JetStreamTopicLog:
    """Implements TopicLog. A reader takes what it can carry; what it does not take stays in the stream."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def append(self, fan_out: FanOut) -> None:
        """Keeps a publication, once. Raises BusUnavailable or StreamFull."""
        subject = topic_subject(fan_out.tenant, fan_out.topic_id)
        await self._bus.publish(subject, fan_out.mail, message_id=f"{fan_out.tenant}/{fan_out.id}")

    async def read(self, topic: Topic, start: Start) -> AsyncGenerator[LoggedPublication | None, None]:
        """Publications from a place on, without end; None first, and whenever none has come for a while.

        Raises BusUnavailable when it cannot begin; an outage later on is waited out.
        """
        config = await self._beginning(topic, start)
        subscription = await self._subscribe(config)
        yield None
        last = (config.opt_start_seq or 1) - 1
        try:
            while True:
                try:
                    messages = await subscription.fetch(_BATCH, timeout=_IDLE_SECONDS)
                except TimeoutError:
                    yield None
                    if not await self._stands(subscription):
                        subscription = await self._subscribe(_after(config, last))
                    continue
                except (NatsError, OSError):
                    await asyncio.sleep(_RETRY_SECONDS)
                    with suppress(BusUnavailable):
                        subscription = await self._subscribe(_after(config, last))
                    continue
                for message in messages:
                    sequence = message.metadata.sequence.stream
                    if sequence > last:
                        last = sequence
                        yield LoggedPublication(sequence, message.data)
        finally:
            if not self._bus.client.is_closed:
                with suppress(NatsError, OSError, TimeoutError):
                    await subscription.unsubscribe()

    async def _beginning(self, topic: Topic, start: Start) -> ConsumerConfig:
        config = ConsumerConfig(
            filter_subject=topic_subject(topic.tenant, topic.id),
            ack_policy=AckPolicy.NONE,
            inactive_threshold=_CONSUMER_SECONDS,
            mem_storage=True,
            num_replicas=1,
        )
        if start.since is not None:
            # A moment in RFC 3339, which the client passes on as it is.
            since = min(max(start.since, _EARLIEST), _LATEST)
            moment: object = since.isoformat().replace("+00:00", "Z")
            return config.evolve(deliver_policy=DeliverPolicy.BY_START_TIME, opt_start_time=moment)
        if start.after_sequence is not None:
            return _after(config, start.after_sequence)
        try:
            state = (await self._bus.jetstream.stream_info(_STREAM)).state
        except (NatsError, OSError, TimeoutError) as error:
            raise BusUnavailable(f"the bus does not answer: {type(error).__name__}") from error
        return _after(config, state.last_seq)

    async def _subscribe(self, config: ConsumerConfig) -> JetStreamContext.PullSubscription:
        try:
            info = await self._bus.jetstream.add_consumer(_STREAM, config)
            return await self._bus.jetstream.pull_subscribe_bind(consumer=info.name, stream=_STREAM)
        except (NatsError, OSError, TimeoutError) as error:
            raise BusUnavailable(f"the bus does not answer: {type(error).__name__}") from error

    async def _stands(self, subscription: JetStreamContext.PullSubscription) -> bool:
        """Whether the reader's consumer is still there, as far as can be seen."""
        try:
            await subscription.consumer_info()
        except NotFoundError:
            return False
        except (NatsError, OSError, TimeoutError):
            return True
        return True


def _after(config: ConsumerConfig, sequence: int) -> ConsumerConfig:
    return config.evolve(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=sequence + 1, opt_start_time=None
    )
