"""Taking mail out of the consumers of one mailbox, and being rung up when there is some."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import ConsumerInfo
from rookery_kit.bus import BusUnavailable

from rookery_orchestrator.mailbox.broker import Fetched, Handle
from rookery_orchestrator.mailbox.consumers import Consumers, bus_errors
from rookery_orchestrator.mailbox.model import Envelope, Priority
from rookery_orchestrator.mailbox.pull_request import (
    PullEnd,
    PullRequest,
    delivery_tokens,
    pending_behind,
    pull_end,
    pull_now,
    pull_subject,
    ring_when_ready,
)
from rookery_orchestrator.mailbox.removal import Removal
from rookery_orchestrator.mailbox.reply_inbox import ReplyInbox
from rookery_orchestrator.mailbox.standing_request import StandingRequest
from rookery_orchestrator.mailbox.uplink import Uplink
from rookery_orchestrator.mailbox.wire import envelope_of, unseal

_ANSWER_SECONDS = 5.0
_BELL_SLACK_SECONDS = 5.0
_LEAST_PULL_BYTES = 2 * 1024 * 1024
_ENVELOPE_BYTES = 16 * 1024
_log = structlog.get_logger(__name__)


class Pulls:
    """Asks the consumers for mail: that of the normal priority, and others once there has been mail for them.

    Nothing is polled. Where one priority is in use, its consumer is asked ahead, and hands mail out as it comes. Where
    there are several, what comes first is decided by what there is: each is asked for what falls to it, and one that
    has less gets a bell, which it answers, without handing anything out, when there is mail.
    A priority without a consumer is brought into use by `noticed`; since that can be missed, it is also looked for when
    the connection was replaced, and whenever a bell has hung for as long as `now_and_then` says (in seconds).
    """

    def __init__(
        self,
        uplink: Uplink,
        consumers: Consumers,
        removal: Removal,
        began: Callable[[Priority, ConsumerInfo], None],
        now_and_then: Callable[[], float],
    ) -> None:
        self._now_and_then = now_and_then
        self._uplink = uplink
        self._consumers = consumers
        self._removal = removal
        self._began = began
        self.inbox = ReplyInbox(uplink.client, self._mail_arrived)
        self.ready = {Priority.NORMAL}
        self._unused = {Priority.HIGH, Priority.LOW}
        self._unsure = True
        self._some_ready = asyncio.Event()
        self._some_ready.set()
        self._missing: set[Priority] = set()
        self._arrived: dict[Priority, deque[Msg]] = {priority: deque() for priority in Priority}
        self._asked: dict[Priority, PullRequest] = {}
        self._bells: dict[Priority, tuple[str, asyncio.TimerHandle]] = {}
        subject = pull_subject(consumers.name(Priority.NORMAL))
        self._standing = StandingRequest(uplink, self.inbox, subject, self._given_up)

    async def until_ready(self, room: int) -> None:
        """Waits until a consumer may have mail; to be called with room for so much of it. Raises BusUnavailable."""
        while True:
            if self._unsure:
                await self._look()
            if self._several_in_use:
                for priority in Priority:
                    if priority not in self._unused and priority not in self.ready and priority not in self._bells:
                        await self._hang_bell(priority)
            elif not self._missing:
                try:
                    taken = len(self._arrived[Priority.NORMAL])
                    await self._standing.top_up(room - taken, self._max_bytes, self._now_and_then())
                except NatsError:
                    self._ring(Priority.NORMAL)
            await self._some_ready.wait()
            if not self._unsure:
                return

    async def _look(self) -> None:
        """Brings every priority into use for which there is mail."""
        await self._uplink.up()
        self._unsure = False
        try:
            waiting = await self._consumers.waiting()
        except BusUnavailable:
            self._unsure = True
            raise
        for priority in waiting:
            self.noticed(priority)

    @property
    def _several_in_use(self) -> bool:
        return len(self._unused) < len(Priority) - 1

    def noticed(self, priority: Priority) -> None:
        """There is, or will be at once, mail of this priority."""
        if priority in self._unused:
            self._unused.discard(priority)
            self._missing.add(priority)
            self._ring(priority)

    async def see_to_consumers(self, wanted: Iterable[Priority]) -> None:
        """Finds or creates the consumers of priorities where that is needed before a pull. Raises BusUnavailable."""
        for priority in wanted:
            if priority in self._missing:
                await self._uplink.up()
                # One that is there is left as it is: it may bear another stream's claim.
                present = await self._consumers.find(priority)
                self._began(priority, present or await self._consumers.ensure(priority))
                self._missing.discard(priority)
            elif self._removal.wants_look(priority) and (info := await self._consumers.find(priority)) is not None:
                self._began(priority, info)

    async def pull(self, counts: Mapping[Priority, int]) -> dict[Priority, list[Fetched]]:
        """What there is, at most so many of each priority. Raises BusUnavailable."""
        await self._uplink.up()
        wanted = self._wanted(counts) if self._several_in_use else {}
        asked = await self._ask_all(wanted) if wanted else {}
        fetched: dict[Priority, list[Fetched]] = {}
        for priority, count in counts.items():
            end = asked[priority].end if priority in asked else PullEnd.EMPTY
            if end is PullEnd.MISSING:
                self._missing.add(priority)
            arrived = self._arrived[priority]
            taken = [arrived.popleft() for _ in range(min(count, len(arrived)))]
            if not arrived and end is PullEnd.EMPTY and priority not in self._missing:
                await self._exhausted(priority)
            fetched[priority] = _fetched(taken, priority)
            self._removal.pulled(priority, [mail.handle for mail in fetched[priority]])
        return fetched

    async def _ask_all(self, wanted: Mapping[Priority, int]) -> dict[Priority, PullRequest]:
        """Asks for so much, and waits until it is here or the server says that there is no more."""
        keys = [await self._ask(priority, count) for priority, count in wanted.items()]
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                for request in self._asked.values():
                    await request.done.wait()
        except TimeoutError:
            _log.warning("mail does not come", consumers=[self._consumers.name(priority) for priority in self._asked])
        for key in keys:
            self.inbox.forget(key)
        asked, self._asked = self._asked, {}
        return asked

    def _wanted(self, counts: Mapping[Priority, int]) -> dict[Priority, int]:
        """How much is to be asked for: nothing where enough has arrived, or all that there was."""
        wanted: dict[Priority, int] = {}
        for priority, count in counts.items():
            arrived = self._arrived[priority]
            if len(arrived) < count and not (arrived and pending_behind(arrived[-1]) == 0):
                wanted[priority] = count - len(arrived)
        return wanted

    def renewed(self) -> None:
        """What is asked for will not be answered any more: the connection is another."""
        self._unsure = True
        # A broker that was restarted has lost its consumers.
        self._missing = set(Priority) - self._unused
        self._standing.forget()
        for request in self._asked.values():
            request.finish(PullEnd.MORE)
        for priority in set(Priority) - self._unused:
            self._ring(priority)

    def held(self) -> list[Handle]:
        """What was handed out and waits here for a pull."""
        return [_handle(message, priority) for priority, arrived in self._arrived.items() for message in arrived]

    async def close(self, patience: float) -> list[Handle]:
        """Stops asking. Answers what was handed out and taken by nobody, after at most twice `patience` seconds."""
        for key, timer in self._bells.values():
            self.inbox.forget(key)
            timer.cancel()
        self._bells.clear()
        self._standing.forget()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                for request in self._asked.values():
                    await request.done.wait()
        # Mail comes until the server knows that nobody listens any more.
        await self.inbox.close(patience)
        return self.held()

    async def _ask(self, priority: Priority, count: int) -> str:
        request = PullRequest(count)
        key = self.inbox.expect(request.answered)
        self._asked[priority] = request
        question = pull_now(count, self._max_bytes)
        with bus_errors():
            subject = pull_subject(self._consumers.name(priority))
            await self._uplink.client.publish(subject, question, self.inbox.address(key))
        return key

    @property
    def _max_bytes(self) -> int:
        return max(_LEAST_PULL_BYTES, self._uplink.client.max_payload + _ENVELOPE_BYTES)

    def _given_up(self, end: PullEnd | None) -> None:
        """The standing request is over before it has brought all of it."""
        if end is PullEnd.MISSING:
            self._standing.forget()
            self._missing.add(Priority.NORMAL)
        elif end is not PullEnd.MORE:
            self._unsure = True
        self._ring(Priority.NORMAL)

    def _mail_arrived(self, message: Msg) -> None:
        priority = Priority(message.subject.rpartition(".")[2])
        self._arrived[priority].append(message)
        if priority is Priority.NORMAL:
            self._standing.arrived()
        if priority in self._asked:
            self._asked[priority].add(message)
        else:
            self._ring(priority)

    async def _exhausted(self, priority: Priority) -> None:
        self.ready.discard(priority)
        if not self.ready:
            self._some_ready.clear()
        if self._several_in_use:
            await self._hang_bell(priority)

    async def _hang_bell(self, priority: Priority) -> None:
        seconds = self._now_and_then()
        key = self.inbox.expect(partial(self._rung, priority))
        loop = asyncio.get_running_loop()
        self._bells[priority] = key, loop.call_later(seconds + _BELL_SLACK_SECONDS, self._worn, priority)
        try:
            consumer = pull_subject(self._consumers.name(priority))
            await self._uplink.client.publish(consumer, ring_when_ready(seconds), self.inbox.address(key))
        except NatsError:
            self._ring(priority)

    def _rung(self, priority: Priority, answer: Msg, _part: int) -> None:
        """The consumer has no mail for it: its time is over, or something is wrong that the next pull finds out."""
        if pull_end(answer) is PullEnd.EMPTY:
            self._unsure = True
        self._ring(priority)

    def _worn(self, priority: Priority) -> None:
        self._unsure = True
        self._ring(priority)

    def _ring(self, priority: Priority) -> None:
        if (bell := self._bells.pop(priority, None)) is not None:
            key, timer = bell
            timer.cancel()
            self.inbox.forget(key)
        self.ready.add(priority)
        self._some_ready.set()


def _fetched(messages: Iterable[Msg], priority: Priority) -> list[Fetched]:
    """The mail by its place: what comes again comes in no order."""
    fetched: list[Fetched] = []
    for message in messages:
        mail = unseal(message.data)
        envelope = None if mail is None else envelope_of(mail)
        fetched.append(Fetched(_handle(message, priority, envelope), mail, len(message.data)))
    return sorted(fetched, key=_place)


def _place(mail: Fetched) -> int:
    return mail.handle.sequence


def _handle(message: Msg, priority: Priority, envelope: Envelope | None = None) -> Handle:
    attempt, place, delivery, stored = delivery_tokens(message)[:4]
    return Handle(int(place), priority, int(attempt), message.reply, int(stored), envelope, int(delivery))
