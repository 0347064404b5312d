"""Having mail handed out again that was given to a stream which is gone."""

from typing import NamedTuple

from nats.js.api import ConsumerInfo
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import attempt_subject

from rookery_orchestrator.mailbox.broker import Handle, Settling, Verdict
from rookery_orchestrator.mailbox.consumers import STREAM, Consumers, bus_errors
from rookery_orchestrator.mailbox.model import Priority
from rookery_orchestrator.mailbox.stored_mail import StoredMail
from rookery_orchestrator.mailbox.verdicts import Verdicts

_FAILURES = "ATTEMPT"


class _Out(NamedTuple):
    """Between which places mail may be out, and the number of the last delivery."""

    first: int
    last: int
    delivery: int


class Recall:
    """Returns, for a stream that has just taken a mailbox over, what the one before was given and has not settled.

    That stream may be lost with its replica. Left alone its mail would come once its ack wait is over, behind what
    was sent later; returned, it comes at once and before all that was never handed out. What was refused keeps its
    delay.
    """

    def __init__(
        self, bus: Bus, stored: StoredMail, consumers: Consumers, verdicts: Verdicts, tenant: str, agent_id: str
    ) -> None:
        self._bus = bus
        self._stored = stored
        self._consumers = consumers
        self._verdicts = verdicts
        self._tenant = tenant
        self._agent_id = agent_id
        self._begun: set[Priority] = set()
        self._due: dict[Priority, _Out] = {}

    def begin(self, priority: Priority, info: ConsumerInfo) -> None:
        """Takes note of how a consumer stands. Only the first time counts: later on what is out is this stream's."""
        if priority not in self._begun and info.num_ack_pending and info.ack_floor and info.delivered:
            first, last = info.ack_floor.stream_seq + 1, info.delivered.stream_seq
            self._due[priority] = _Out(first, last, info.delivered.consumer_seq)
        self._begun.add(priority)

    async def carry_out(self) -> None:
        """Returns what is to be returned, once. Raises BusUnavailable, and does it the next time then."""
        for priority, out in tuple(self._due.items()):
            refused = await self._refused()
            verdicts: list[Verdict] = []
            pages = self._stored.pages(self._tenant, self._agent_id, priority, first=out.first, last=out.last)
            async for page in pages:
                verdicts += [
                    Verdict(self._handle(priority, out, piece.sequence), Settling.RETURN)
                    for piece in page
                    if piece.sequence not in refused
                ]
            await self._verdicts.settle(verdicts)
            del self._due[priority]

    async def _refused(self) -> set[int]:
        """The places of mail that has failed."""
        everything = attempt_subject(self._tenant, self._agent_id)
        with bus_errors():
            info = await self._bus.jetstream.stream_info(_FAILURES, subjects_filter=everything)
        return {int(subject.rpartition(".")[2]) for subject in info.state.subjects or {}}

    def _handle(self, priority: Priority, out: _Out, place: int) -> Handle:
        """As if this stream had been given it. The server looks at the place, and whether it is out."""
        token = f"$JS.ACK.{STREAM}.{self._consumers.name(priority)}.1.{place}.{out.delivery}.0.0"
        return Handle(place, priority, 1, token)
