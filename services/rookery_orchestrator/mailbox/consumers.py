"""The consumers of one mailbox: one for each priority in use, dropped by the broker when long unused."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo
from nats.js.errors import APIError, NotFoundError
from rookery_kit.bus import BusUnavailable
from rookery_kit.bus.subjects import mail_subject

from rookery_orchestrator.mailbox.model import Priority
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

STREAM = "MAIL"
AT_A_TIME = 64
_STORED_OTHERWISE = "storage type"


@contextmanager
def bus_errors() -> Iterator[None]:
    """Turns what the driver raises into BusUnavailable."""
    try:
        yield
    except (NatsError, OSError, TimeoutError) as error:
        raise BusUnavailable(f"the bus does not answer: {type(error).__name__}") from error


class Consumers:
    """Creates and finds the consumers. All methods raise BusUnavailable.

    A broker that stands alone keeps them in memory: what it knows of deliveries changes with each, and would be a sync
    each time. When it is restarted they are gone, and all that is not settled is handed out once more. In a cluster
    they are on disk like their stream, so that a lost server takes nothing along. `turns` bounds
    how many questions are on their way: when thousands of mailboxes are opened again at once, each would else wait for
    the others within its own timeout.
    """

    def __init__(
        self,
        jetstream: JetStreamContext,
        tenant: str,
        agent_id: str,
        policy: DeliveryPolicy,
        turns: asyncio.Semaphore,
    ) -> None:
        self._turns = turns
        self._jetstream = jetstream
        self._tenant = tenant
        self._agent_id = agent_id
        self._policy = policy

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        async with self._turns:
            with bus_errors():
                yield

    def name(self, priority: Priority) -> str:
        """The name of a consumer, the same on every replica."""
        return f"mail_{self._tenant}_{self._agent_id}_{priority.value}"

    async def ensure(self, priority: Priority, metadata: Mapping[str, str] | None = None) -> ConsumerInfo:
        """Creates a consumer, or brings a present one in line, which keeps what it knows of attempts and delays.

        Answers how it stands.
        """
        config = ConsumerConfig(
            durable_name=self.name(priority),
            filter_subject=mail_subject(self._tenant, self._agent_id, priority.value),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._policy.ack_wait,
            # Mail that was refused with a delay counts as pending, so a limit would let it block the rest.
            max_ack_pending=-1,
            inactive_threshold=self._policy.receiver_inactive,
            mem_storage=self._policy.consumers_in_memory,
            metadata=dict(metadata) if metadata else None,
        )
        async with self._in_turn():
            try:
                info: ConsumerInfo = await self._jetstream.add_consumer(STREAM, config)
            except APIError as error:
                if _STORED_OTHERWISE not in (error.description or ""):
                    raise
                # From a version, or a time, in which they were kept otherwise.
                await self._jetstream.delete_consumer(STREAM, self.name(priority))
                info = await self._jetstream.add_consumer(STREAM, config)
        return info

    async def find(self, priority: Priority) -> ConsumerInfo | None:
        """What the broker knows of a consumer; None: there is none."""
        async with self._in_turn():
            try:
                info: ConsumerInfo = await self._jetstream.consumer_info(STREAM, self.name(priority))
            except NotFoundError:
                return None
        return info

    async def waiting(self) -> set[Priority]:
        """The priorities of which the mailbox has mail, out or not."""
        everything = mail_subject(self._tenant, self._agent_id, "*")
        async with self._in_turn():
            info = await self._jetstream.stream_info(STREAM, subjects_filter=everything)
        return {Priority(subject.rpartition(".")[2]) for subject in info.state.subjects or {}}
