"""Carrying one message to many mailboxes, to the end, whoever dies on the way."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID, uuid5

import structlog
from rookery_kit.errors import ResourceExhausted, RookeryError

from rookery_orchestrator.mailbox.model import Message
from rookery_orchestrator.topics.model import FanOut, WaitingCopy
from rookery_orchestrator.topics.store import FanOutRound, FanOutStore, TopicLog

_FRESH = 64
_DUE = 1_000
_IDLE_SECONDS = 1.0
_RETRY_SECONDS = 0.5
_CONTENDED_SECONDS = 0.05
_CARRY_SECONDS = 5.0
_REMEMBER = timedelta(hours=24)
_SWEEP_ROUNDS = 600
_MOST_DELAY_SECONDS = 60.0
# With these delays, after about an hour.
_MOST_OFFERS = 64
_log = structlog.get_logger(__name__)


class MailSender(Protocol):
    """Puts mail into mailboxes."""

    def put_all(self, tenant: str, messages: Sequence[Message]) -> Awaitable[Sequence[bool | RookeryError]]:
        """Stores messages in their order, each with a result of its own, in order; an error for what was not stored."""
        ...


class CopyBurial(Protocol):
    """Takes copies that could not be delivered for too long."""

    async def bury(self, tenant: str, copy: Message, detail: str) -> None:
        """Makes a dead letter of a copy, once, and answers when it is durable. Raises Unavailable."""
        ...


class FanOutRelay:
    """Puts the copies of accepted messages into the mailboxes of their recipients.

    A copy's id follows from its message and its recipient, so that offering it again adds nothing. A sender's messages
    are offered one after another; a mailbox without room delays that sender's copies for it, and nothing else; after
    `most_offers` a copy becomes a dead letter. The rounds of several replicas exclude each other.
    """

    def __init__(
        self,
        store: FanOutStore,
        sender: MailSender,
        log: TopicLog,
        burial: CopyBurial,
        open_mail: Callable[[bytes], Message],
        most_offers: int = _MOST_OFFERS,
    ) -> None:
        self._store = store
        self._sender = sender
        self._burial = burial
        self._most_offers = most_offers
        self._log = log
        self._open_mail = open_mail
        self._wake = asyncio.Event()
        self._expected: dict[int, asyncio.Future[int]] = {}

    async def carried(self, place: int, recipients: int) -> int:
        """Waits a while until a message has been offered to its recipients; answers for how many of them it waits."""
        offered = self._expected.setdefault(place, asyncio.get_running_loop().create_future())
        self._wake.set()
        try:
            async with asyncio.timeout(_CARRY_SECONDS):
                return await asyncio.shield(offered)
        except TimeoutError:
            return recipients
        finally:
            self._expected.pop(place, None)

    async def run(self) -> None:
        """Carries until cancelled. Outages of the database and the bus are waited out."""
        rounds = 0
        while True:
            self._wake.clear()
            try:
                if rounds % _SWEEP_ROUNDS == 0:
                    await self._store.forget_ended(_REMEMBER)
                offered = await self.carry_once()
                await self._tell_of_others()
            except RookeryError as error:
                _log.warning("messages to many wait", reason=error.reason, error=error.message)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            rounds += 1
            if offered is None or (offered == 0 and self._expected):
                await asyncio.sleep(_CONTENDED_SECONDS)
            elif offered < _FRESH:
                try:
                    async with asyncio.timeout(_IDLE_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def carry_once(self) -> int | None:
        """Offers what waits, and answers how many messages were new; None: another replica is at it."""
        waiting: Mapping[int, Collection[str]] = {}
        async with self._store.round() as present:
            if present is None:
                return None
            await self._offer_again(present)
            fresh = await present.fresh(_FRESH)
            if fresh:
                waiting = await self._offer(present, fresh)
        for place, recipients in waiting.items():
            self._tell(place, len(recipients))
        return len(fresh)

    async def _tell_of_others(self) -> None:
        """Tells those who still wait what another replica has offered."""
        if open_ := [place for place, offered in self._expected.items() if not offered.done()]:
            for place, count in (await self._store.pending(open_)).items():
                self._tell(place, count)

    def _tell(self, place: int, pending: int) -> None:
        offered = self._expected.get(place)
        if offered is not None and not offered.done():
            offered.set_result(pending)

    async def _offer(self, present: FanOutRound, fresh: Sequence[FanOut]) -> Mapping[int, Collection[str]]:
        """Offers new messages; answers by place for whom they wait."""
        blocked = await present.blocked(fresh)
        by_sender: defaultdict[tuple[str, str], list[FanOut]] = defaultdict(list)
        for fan_out in fresh:
            by_sender[fan_out.tenant, fan_out.sender].append(fan_out)
        lanes = [self._lane(fan_outs, blocked) for fan_outs in by_sender.values()]
        waiting: dict[int, Collection[str]] = {}
        # All come to an end before one's failure ends the round.
        for lane in await asyncio.gather(*lanes, return_exceptions=True):
            if isinstance(lane, BaseException):
                raise lane
            waiting |= lane
        await present.offered(waiting)
        return waiting

    async def _lane(
        self, fan_outs: Sequence[FanOut], blocked: Mapping[int, Collection[str]]
    ) -> dict[int, Collection[str]]:
        """Offers a sender's messages one after another; answers by place for whom they wait."""
        full: set[str] = set()
        waiting: dict[int, Collection[str]] = {}
        for fan_out in fan_outs:
            late = full | set(blocked.get(fan_out.place, ()))
            free = [recipient for recipient in fan_out.recipients if recipient not in late]
            full.update(await self._put(fan_out, free))
            waiting[fan_out.place] = [
                recipient for recipient in fan_out.recipients if recipient in full or recipient in late
            ]
            if fan_out.topic_id:
                await self._log.append(fan_out)
        return waiting

    async def _offer_again(self, present: FanOutRound) -> None:
        for fan_out, copies in await present.due(_DUE):
            full = await self._put(fan_out, [copy.recipient for copy in copies])
            given_up = [copy for copy in copies if copy.recipient in full and copy.attempts >= self._most_offers]
            for copy in given_up:
                detail = f"the mailbox had no room at {copy.attempts + 1} offers"
                await self._burial.bury(fan_out.tenant, copy_for(self._open_mail(fan_out.mail), copy.recipient), detail)
            full.difference_update(copy.recipient for copy in given_up)
            refused = [copy for copy in copies if copy.recipient in full]
            if taken := [copy for copy in copies if copy.recipient not in full]:
                await present.delivered(taken)
            if refused:
                await present.refused_again(refused, _delay(refused))
                _log.info("mailboxes have no room", tenant=fan_out.tenant, place=fan_out.place, count=len(refused))

    async def _put(self, fan_out: FanOut, recipients: Sequence[str]) -> set[str]:
        """Puts a copy into each mailbox, all at once; answers those that have no room. Raises Unavailable."""
        if not recipients:
            return set()
        message = self._open_mail(fan_out.mail)
        copies = [copy_for(message, recipient) for recipient in recipients]
        outcomes = await self._sender.put_all(fan_out.tenant, copies)
        full: set[str] = set()
        for recipient, outcome in zip(recipients, outcomes, strict=True):
            if isinstance(outcome, ResourceExhausted):
                full.add(recipient)
            elif isinstance(outcome, RookeryError):
                raise outcome
        return full


def copy_for(message: Message, recipient: str) -> Message:
    """A recipient's copy: its id is always the same."""
    return message._replace(id=str(uuid5(UUID(message.publication_id), recipient)), recipient_agent_id=recipient)


def _delay(copies: Sequence[WaitingCopy]) -> timedelta:
    return timedelta(seconds=min(_MOST_DELAY_SECONDS, 2.0 ** min(max(copy.attempts for copy in copies), 6)))
