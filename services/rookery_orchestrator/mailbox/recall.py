"""Having mail handed out again that was given to a stream which is gone."""

import asyncio

import structlog
from nats.js.api import ConsumerInfo, SequenceInfo
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import attempt_subject
from rookery_kit.errors import RookeryError

from rookery_orchestrator.mailbox.broker import Handle, Settling, Verdict
from rookery_orchestrator.mailbox.consumers import STREAM, Consumers, bus_errors
from rookery_orchestrator.mailbox.model import Priority
from rookery_orchestrator.mailbox.stored_mail import StoredMail
from rookery_orchestrator.mailbox.verdicts import Verdicts

_FAILURES = "ATTEMPT"
_LOOK_SECONDS = 0.05
_MOST_LOOKS = 20
_ANSWER_SECONDS = 3.0
_log = structlog.get_logger(__name__)


class Recall:
    """Returns, for a stream that has just taken a mailbox over, what the one before was given and has not settled.

    That stream may be lost with its replica. Left alone its mail would come once its ack wait is over, behind what
    was sent later; returned, it comes at once and before all that was never handed out. What was refused keeps its
    delay. It is tried once: where it fails, the ack wait sees to it. `turns` bounds how many ask at a time.
    """

    def __init__(
        self,
        bus: Bus,
        stored: StoredMail,
        consumers: Consumers,
        verdicts: Verdicts,
        turns: asyncio.Semaphore,
        tenant: str,
        agent_id: str,
    ) -> None:
        self._bus = bus
        self._stored = stored
        self._consumers = consumers
        self._verdicts = verdicts
        self._turns = turns
        self._tenant = tenant
        self._agent_id = agent_id
        self._begun: set[Priority] = set()
        self._due: set[Priority] = set()

    def begin(self, priority: Priority, info: ConsumerInfo) -> None:
        """Takes note of how a consumer stands. Only the first time counts: later on what is out is this stream's."""
        if priority not in self._begun and info.num_ack_pending:
            self._due.add(priority)
        self._begun.add(priority)

    async def carry_out(self) -> None:
        """Returns what is to be returned; to be called before this stream asks for mail."""
        while self._due:
            priority = self._due.pop()
            try:
                info = await self._let_go(priority)
                if info is not None and info.ack_floor and info.delivered:
                    async with asyncio.timeout(_ANSWER_SECONDS):
                        await self._return(priority, info.ack_floor.stream_seq + 1, info.delivered)
            except (RookeryError, TimeoutError) as error:
                _log.warning("mail of the stream before comes later", error=type(error).__name__)

    async def _let_go(self, priority: Priority) -> ConsumerInfo | None:
        """How the consumer stands once the stream before asks for no more, or has had a moment for that.

        What would be returned while it still asks might be handed to it again, and what it is about to acknowledge
        would come twice.
        """
        info: ConsumerInfo | None = None
        for _ in range(_MOST_LOOKS):
            await asyncio.sleep(_LOOK_SECONDS)
            info = await self._consumers.find(priority)
            if info is None or not info.num_waiting:
                break
        return info

    async def _return(self, priority: Priority, first: int, delivered: SequenceInfo) -> None:
        verdicts: list[Verdict] = []
        async with self._turns:
            refused = await self._refused()
            pages = self._stored.pages(self._tenant, self._agent_id, priority, first=first, last=delivered.stream_seq)
            async for page in pages:
                verdicts += [
                    Verdict(self._handle(priority, piece.sequence, delivered.consumer_seq), Settling.RETURN)
                    for piece in page
                    if piece.sequence not in refused
                ]
        await self._verdicts.settle(verdicts)

    async def _refused(self) -> set[int]:
        """The places of mail that has failed."""
        everything = attempt_subject(self._tenant, self._agent_id)
        with bus_errors():
            info = await self._bus.jetstream.stream_info(_FAILURES, subjects_filter=everything)
        return {int(subject.rpartition(".")[2]) for subject in info.state.subjects or {}}

    def _handle(self, priority: Priority, place: int, delivery: int) -> Handle:
        """As if this stream had been given it. The server looks at the place, and whether it is out."""
        token = f"$JS.ACK.{STREAM}.{self._consumers.name(priority)}.1.{place}.{delivery}.0.0"
        return Handle(place, priority, 1, token)
