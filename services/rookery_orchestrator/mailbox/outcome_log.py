"""What became of messages, on its way to the audit trail."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from rookery.events.v1 import mail_pb2
from rookery.orchestrator.v1 import mailbox_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import trail_subject
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError
from rookery_kit.timestamps import timestamp_of

from rookery_orchestrator.mailbox.model import Envelope, MessageState

_EVERY_SECONDS = 0.25
_BATCH = 1000
_BOUND = 100_000
_STATES = {
    MessageState.DEAD_LETTERED: mailbox_pb2.MESSAGE_STATE_DEAD_LETTERED,
    MessageState.EXPIRED: mailbox_pb2.MESSAGE_STATE_EXPIRED,
    MessageState.PURGED: mailbox_pb2.MESSAGE_STATE_PURGED,
}
_log = structlog.get_logger(__name__)


class Outcome(NamedTuple):
    """What became of a message, when, and in which delivery (0: in none)."""

    envelope: Envelope
    state: MessageState
    end_time: datetime
    delivery: int


class OutcomeLog:
    """Hands outcomes to the audit trail, many at a time.

    `tell` costs its caller no wait, so what was told within the last moments is lost when this process is killed: the
    trail then shows the message as SENT. `store` is for what must not be lost.
    """

    def __init__(self, bus: Bus, clock: Clock, new_id: Callable[[], str]) -> None:
        self._bus = bus
        self._clock = clock
        self._new_id = new_id
        self._waiting: defaultdict[str, list[Outcome]] = defaultdict(list)
        self._count = 0
        self._missed = False

    def tell(self, tenant: str, ended: Sequence[tuple[Envelope, int]], state: MessageState) -> None:
        """Takes what became of messages, each in a delivery (0: in none).

        Beyond 100,000 that wait, while the bus is away, they are dropped, and that is logged.
        """
        taken = ended[: _BOUND - self._count]
        if taken:
            now = self._clock.now()
            self._waiting[tenant] += [Outcome(envelope, state, now, delivery) for envelope, delivery in taken]
            self._count += len(taken)
        if len(taken) < len(ended) and not self._missed:
            self._missed = True
            _log.warning("the audit trail misses what becomes of messages from now on", waiting=_BOUND)

    async def store(self, tenant: str, envelopes: list[Envelope], state: MessageState) -> None:
        """Hands over what became of messages and answers when that is durable. Raises BusUnavailable."""
        now = self._clock.now()
        outcomes = [Outcome(envelope, state, now, 0) for envelope in envelopes]
        for begin in range(0, len(outcomes), _BATCH):
            await self._publish(tenant, outcomes[begin : begin + _BATCH])

    async def run(self) -> None:
        """Hands over until cancelled, and then what is left. Outages of the bus are waited out."""
        try:
            while True:
                await asyncio.sleep(_EVERY_SECONDS)
                await self._hand_over()
        finally:
            await self._hand_over()

    async def _hand_over(self) -> None:
        for tenant in tuple(self._waiting):
            while outcomes := self._waiting[tenant][:_BATCH]:
                try:
                    await self._publish(tenant, outcomes)
                except RookeryError as error:
                    _log.warning("the audit trail waits", reason=error.reason)
                    return
                del self._waiting[tenant][: len(outcomes)]
                self._count -= len(outcomes)
                self._missed = False
            del self._waiting[tenant]

    async def _publish(self, tenant: str, outcomes: list[Outcome]) -> None:
        trail_id = self._new_id()
        trail = mail_pb2.Trail(outcomes=map(_encode, outcomes))
        await self._bus.publish(trail_subject(tenant, trail_id), trail.SerializeToString(), message_id=trail_id)


def _encode(outcome: Outcome) -> mail_pb2.MessageOutcome:
    return mail_pb2.MessageOutcome(
        id=outcome.envelope.id,
        sender=outcome.envelope.sender,
        state=_STATES[outcome.state],
        delivery=outcome.delivery,
        create_time=timestamp_of(outcome.envelope.create_time),
        end_time=timestamp_of(outcome.end_time),
    )
