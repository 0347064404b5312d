"""Putting dead letters into their mailboxes again."""

import asyncio

import structlog
from rookery.events.v1 import mail_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import mail_subject
from rookery_kit.errors import ResourceExhausted, RookeryError

from rookery_orchestrator.dead_letters.model import DeadLetter
from rookery_orchestrator.dead_letters.store import DeadLetterStore
from rookery_orchestrator.mailbox.wire import priority_of

_BATCH = 64
_LOOK_SECONDS = 2.0
_RETRY_SECONDS = 0.5
_log = structlog.get_logger(__name__)


class Requeuer:
    """Carries out what was decided in the database, so that neither a crash nor a full mailbox loses a decision.

    The dead letter's id is the id of the publication: what is published twice, because the note of it was lost, is
    stored once.
    """

    def __init__(self, store: DeadLetterStore, bus: Bus) -> None:
        self._store = store
        self._bus = bus
        self._some = asyncio.Event()

    def wake(self) -> None:
        """Says that there are some to requeue."""
        self._some.set()

    async def run(self) -> None:
        """Requeues until cancelled. Outages and full mailboxes are waited out."""
        while True:
            self._some.clear()
            try:
                requeued = await self._store.requeue_some(_BATCH, self._requeue)
            except RookeryError as error:
                _log.warning("dead letters wait to be requeued", reason=error.reason)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if requeued < _BATCH:
                try:
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._some.wait()
                except TimeoutError:
                    continue

    async def _requeue(self, dead: DeadLetter) -> bool:
        message = mail_pb2.DeadLetter.FromString(dead.letter).message
        # What was no mail comes back as the bytes it was.
        mail = mail_pb2.Mail(message=message).SerializeToString() if message.id else message.payload.data
        subject = mail_subject(dead.tenant, dead.agent_id, priority_of(message).value)
        try:
            await self._bus.publish(subject, mail, message_id=f"requeue-{dead.id}", traceparent=message.traceparent)
        except ResourceExhausted:
            _log.warning("dead letter waits for room in its mailbox", dead_letter_id=dead.id, agent_id=dead.agent_id)
            return False
        return True
