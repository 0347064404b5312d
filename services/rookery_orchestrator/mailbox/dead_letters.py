"""Moving mail to the dead letters."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid5

import structlog
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import dead_letter_subject, mail_subject
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_orchestrator.mailbox.broker import Handle, Settling, Verdict
from rookery_orchestrator.mailbox.consumers import STREAM, bus_errors
from rookery_orchestrator.mailbox.failure_history import FailureHistory
from rookery_orchestrator.mailbox.model import DeadReason
from rookery_orchestrator.mailbox.verdicts import Verdicts
from rookery_orchestrator.mailbox.wire import dead_letter

_RETRY_SECONDS = 0.5
# Times are told in nanoseconds, and kept in microseconds.
_SAME_TIME = timedelta(milliseconds=1)
_IDS = UUID("5f0f7b0e-3a36-4c1b-9a6c-2f1f3f6f6b1d")
_log = structlog.get_logger(__name__)


class DeadLetters:
    """Writes the dead letter first and removes the mail afterwards, so that a crash in between loses neither.

    The mail's place in the stream and the time it was stored make the dead letter's id: burying the same mail again
    adds nothing.
    """

    def __init__(
        self, bus: Bus, verdicts: Verdicts, history: FailureHistory, clock: Clock, tenant: str, agent_id: str
    ) -> None:
        self._bus = bus
        self._history = history
        self._clock = clock
        self._jetstream = bus.jetstream
        self._verdicts = verdicts
        self._tenant = tenant
        self._agent_id = agent_id

    async def bury(self, handle: Handle, reason: DeadReason, detail: str, attempts: int) -> bool:
        """Answers once both are certain. False: the mail had been settled already."""
        if not await self._patiently(lambda: self._publish(handle, reason, detail, attempts)):
            return False
        (given_up,) = await self._verdicts.settle([Verdict(handle, Settling.GIVE_UP)])
        if not given_up:
            # The consumer is gone that handed it out, and another would do so again.
            await self._patiently(lambda: self._remove(handle))
        _log.warning(
            "dead letter",
            tenant=self._tenant,
            agent_id=self._agent_id,
            sequence=handle.sequence,
            reason=reason.value,
            attempts=attempts,
        )
        return True

    async def _patiently(self, step: Callable[[], Awaitable[bool]]) -> bool:
        while True:
            try:
                return await step()
            except RookeryError as error:
                _log.warning("dead letter waits", reason=error.reason, agent_id=self._agent_id)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _find(self, handle: Handle) -> RawStreamMsg | None:
        """The mail of a handle; None: it is gone, and so it is when a restored stream has other mail at its place."""
        with bus_errors():
            try:
                mail = await self._jetstream.get_msg(STREAM, handle.sequence)
            except NotFoundError:
                return None
        same_subject = mail.subject == mail_subject(self._tenant, self._agent_id, handle.priority.value)
        same_time = mail.time is not None and abs(mail.time - handle.store_time) < _SAME_TIME
        return mail if same_subject and same_time else None

    async def _remove(self, handle: Handle) -> bool:
        if await self._find(handle) is None:
            return False
        with bus_errors(), suppress(NotFoundError):
            await self._jetstream.delete_msg(STREAM, handle.sequence)
        return True

    async def _publish(self, handle: Handle, reason: DeadReason, detail: str, attempts: int) -> bool:
        mail = await self._find(handle)
        if mail is None:
            return False
        letter = dead_letter(mail.data or b"", self._agent_id, reason, detail, attempts)
        letter.id = str(
            uuid5(_IDS, f"{self._tenant}/{self._agent_id}/{handle.sequence}/{handle.store_time.isoformat()}")
        )
        letter.attempt_history.extend((await self._history.read(handle)).attempts)
        letter.create_time.FromDatetime(self._clock.now())
        subject = dead_letter_subject(self._tenant, self._agent_id)
        await self._bus.publish(subject, letter.SerializeToString(), message_id=letter.id)
        return True
