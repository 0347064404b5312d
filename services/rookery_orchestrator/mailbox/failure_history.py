"""The failed deliveries of mail, kept beside it on the bus: as durable, and as available, as the mail itself."""

import asyncio

import structlog
from google.protobuf.message import DecodeError
from nats.js.errors import NotFoundError
from rookery.events.v1 import mail_pb2
from rookery.orchestrator.v1 import dead_letter_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import attempt_subject
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_orchestrator.mailbox.broker import Handle
from rookery_orchestrator.mailbox.consumers import bus_errors
from rookery_orchestrator.mailbox.model import DeliveryOutcome, Failure, ReceivingSession

_STREAM = "ATTEMPT"
_KEPT = 50
_RETRY_SECONDS = 0.5
_OUTCOMES = {
    DeliveryOutcome.REFUSED: dead_letter_pb2.DELIVERY_OUTCOME_REFUSED,
    DeliveryOutcome.TERMINATED: dead_letter_pb2.DELIVERY_OUTCOME_TERMINATED,
    DeliveryOutcome.RECEIVER_LOST: dead_letter_pb2.DELIVERY_OUTCOME_RECEIVER_LOST,
}
_log = structlog.get_logger(__name__)


class FailureHistory:
    """One record for each piece of mail that has failed, replaced as a whole: only who holds the mailbox writes it.

    It counts for as long as the mail waits, whatever becomes of consumers, receivers and replicas. Of more than 50
    attempts the latest are kept, and their count.
    """

    def __init__(self, bus: Bus, clock: Clock, tenant: str, agent_id: str, session: ReceivingSession) -> None:
        self._bus = bus
        self._clock = clock
        self._tenant = tenant
        self._agent_id = agent_id
        self._session = session

    async def note(self, handle: Handle, failure: Failure) -> int:
        """Adds a failure and answers how many there are, once that is durable; outages are waited out."""
        attempt = dead_letter_pb2.DeliveryAttempt(
            delivery=handle.attempt,
            agent_version=self._session.agent_version,
            session_epoch=self._session.session_epoch,
            handler=failure.handler,
            outcome=_OUTCOMES[failure.outcome],
            reason=failure.reason,
        )
        attempt.end_time.FromDatetime(self._clock.now())
        while True:
            try:
                return await self._append(handle, attempt)
            except RookeryError as error:
                _log.warning("failed delivery waits to be noted", reason=error.reason, agent_id=self._agent_id)
                await asyncio.sleep(_RETRY_SECONDS)

    async def read(self, handle: Handle) -> mail_pb2.AttemptHistory:
        """What was noted of this mail; empty when nothing was. Raises BusUnavailable."""
        with bus_errors():
            try:
                found = await self._bus.jetstream.get_last_msg(_STREAM, self._subject(handle))
                history = mail_pb2.AttemptHistory.FromString(found.data or b"")
            except (NotFoundError, DecodeError):
                history = mail_pb2.AttemptHistory()
        empty = mail_pb2.AttemptHistory()
        empty.store_time.FromDatetime(handle.store_time)
        # The place may have been that of other mail, on a disk that was lost since.
        return history if history.store_time == empty.store_time else empty

    async def _append(self, handle: Handle, attempt: dead_letter_pb2.DeliveryAttempt) -> int:
        history = await self.read(handle)
        if not (history.attempts and history.attempts[-1] == attempt):
            history.attempts.append(attempt)
            history.count += 1
            del history.attempts[:-_KEPT]
            message_id = f"{self._subject(handle)}-{attempt.end_time.ToNanoseconds()}"
            await self._bus.publish(self._subject(handle), history.SerializeToString(), message_id=message_id)
        return history.count

    def _subject(self, handle: Handle) -> str:
        return attempt_subject(self._tenant, self._agent_id, handle.sequence)
