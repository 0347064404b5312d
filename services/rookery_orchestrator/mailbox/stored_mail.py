"""Mail as it lies in the stream, looked at and removed without delivering it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.aio.msg import Msg
from nats.js.errors import APIError, NotFoundError
from rookery_kit.bus import Bus, BusUnavailable
from rookery_kit.bus.subjects import mail_subject

from rookery_orchestrator.mailbox.consumers import AT_A_TIME, STREAM, Consumers, bus_errors
from rookery_orchestrator.mailbox.model import Envelope, Priority
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.mailbox.wire import read_envelope

_READ = f"$JS.API.DIRECT.GET.{STREAM}"
_PURGE = f"$JS.API.STREAM.PURGE.{STREAM}"
_BATCH = 256
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of mail in its place; `envelope` is None for what is no mail."""

    sequence: int
    store_time: datetime
    envelope: Envelope | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a mailbox stands: how many pieces by priority, the oldest, and how many are out, and out again."""

    depths: Mapping[Priority, int]
    oldest: datetime | None
    in_flight: int
    redelivered: int


class StoredMail:
    """What the stream holds for an agent. All methods raise BusUnavailable."""

    def __init__(self, bus: Bus, policy: DeliveryPolicy) -> None:
        self._bus = bus
        self._policy = policy
        self._turns = asyncio.Semaphore(AT_A_TIME)

    async def standing(self, tenant: str, agent_id: str) -> Standing:
        """How the mailbox stands; its parts are read one after another, while it is in use."""
        everything = mail_subject(tenant, agent_id, "*")
        consumers = Consumers(self._bus.jetstream, tenant, agent_id, self._policy, self._turns)
        with bus_errors():
            info = await self._bus.jetstream.stream_info(STREAM, subjects_filter=everything)
        counts = info.state.subjects or {}
        found = [each for priority in Priority if (each := await consumers.find(priority)) is not None]
        return Standing(
            {priority: counts.get(mail_subject(tenant, agent_id, priority.value), 0) for priority in Priority},
            await self._oldest(everything) if counts else None,
            sum(each.num_ack_pending or 0 for each in found),
            sum(each.num_redelivered or 0 for each in found),
        )

    async def last_place(self) -> int:
        """The place of what was stored last, in all mailboxes."""
        with bus_errors():
            return (await self._bus.jetstream.stream_info(STREAM)).state.last_seq

    async def pages(
        self,
        tenant: str,
        agent_id: str,
        priority: Priority,
        *,
        first: int = 1,
        last: int,
        before: datetime | None = None,
    ) -> AsyncIterator[list[Piece]]:
        """The mail of one priority in its order, from a place to a place and up to a time, a page at a time."""
        subject, sequence = mail_subject(tenant, agent_id, priority.value), first
        while True:
            page = [
                piece
                for piece in await self._page(subject, sequence)
                if piece.sequence <= last and (before is None or piece.store_time < before)
            ]
            if not page:
                return
            yield page
            sequence = page[-1].sequence + 1

    async def remove(self, tenant: str, agent_id: str, priority: Priority, last: int) -> int:
        """Removes the mail of one priority up to a place, and answers how much that was."""
        order = {"filter": mail_subject(tenant, agent_id, priority.value), "seq": last + 1}
        with bus_errors():
            answer = await self._bus.client.request(_PURGE, json.dumps(order).encode(), timeout=_ANSWER_SECONDS)
            told = json.loads(answer.data)
            if "error" in told:
                raise APIError.from_error(told["error"])
        return int(told["purged"])

    async def _oldest(self, subject: str) -> datetime | None:
        with bus_errors():
            try:
                found = await self._bus.jetstream.get_msg(STREAM, seq=1, subject=subject, next=True)
            except NotFoundError:
                return None
        return found.time

    async def _page(self, subject: str, sequence: int) -> list[Piece]:
        """At most 256 pieces, from a place on."""
        client = self._bus.client
        question = json.dumps({"seq": sequence, "next_by_subj": subject, "batch": _BATCH}).encode()
        inbox = client.new_inbox()
        pieces: list[Piece] = []
        with bus_errors():
            subscription = await client.subscribe(inbox, max_msgs=_BATCH + 1)
            try:
                await client.publish(_READ, question, inbox)
                while True:
                    answer = await subscription.next_msg(timeout=_ANSWER_SECONDS)
                    status = (answer.headers or {}).get("Status")
                    if status is None:
                        pieces.append(_piece(answer))
                    elif status in {"204", "404"}:
                        return pieces
                    else:
                        raise BusUnavailable(f"the bus does not show its mail: {status}")
            finally:
                if not client.is_closed:
                    await subscription.unsubscribe()


def _piece(answer: Msg) -> Piece:
    headers = answer.headers or {}
    stored = datetime.fromisoformat(headers["Nats-Time-Stamp"]).astimezone(UTC)
    return Piece(int(headers["Nats-Sequence"]), stored, read_envelope(answer.data))
