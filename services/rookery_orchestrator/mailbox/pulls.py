"""Taking mail out of the consumers of one mailbox, and being rung up when there is some."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from rookery_kit.bus import BusUnavailable

from rookery_orchestrator.mailbox.broker import Fetched, Handle
from rookery_orchestrator.mailbox.consumers import Consumers, bus_errors
from rookery_orchestrator.mailbox.model import Envelope, Priority
from rookery_orchestrator.mailbox.pull_request import (
    TIME_OVER,
    PullEnd,
    PullRequest,
    pull_now,
    pull_subject,
    ring_when_ready,
)
from rookery_orchestrator.mailbox.removal import Removal
from rookery_orchestrator.mailbox.reply_inbox import ReplyInbox
from rookery_orchestrator.mailbox.uplink import Uplink
from rookery_orchestrator.mailbox.wire import envelope_of, unseal

_ANSWER_SECONDS = 5.0
_BELL_SECONDS = 30.0
_BELL_SLACK_SECONDS = 5.0
_LEAST_PULL_BYTES = 2 * 1024 * 1024
_ENVELOPE_BYTES = 16 * 1024
_SHORT_FORM = 9
_log = structlog.get_logger(__name__)


class Pulls:
    """Asks the consumers for mail: that of the normal priority, and others once there has been mail for them.

    A consumer that had less than it was asked for gets a bell: a request that it answers when there is mail again,
    without handing any out. So nothing is polled, and nothing is taken for which there is no credit. A priority without
    a consumer is brought into use by `noticed`; since that can be missed, it is also looked for when the connection was
    replaced, and whenever a bell has hung for long.
    """

    def __init__(self, uplink: Uplink, consumers: Consumers, removal: Removal) -> None:
        self._uplink = uplink
        self._consumers = consumers
        self._removal = removal
        self.inbox = ReplyInbox(uplink.client, self._mail_arrived)
        self.ready = {Priority.NORMAL}
        self._unused = {Priority.HIGH, Priority.LOW}
        self._unsure = True
        self._some_ready = asyncio.Event()
        self._some_ready.set()
        self._missing: set[Priority] = set()
        self._asked: dict[Priority, PullRequest] = {}
        self._bells: dict[Priority, tuple[str, asyncio.TimerHandle]] = {}

    async def until_ready(self) -> None:
        """Waits until a consumer may have mail. Raises BusUnavailable."""
        await self._some_ready.wait()
        if self._unsure:
            await self._uplink.up()
            self._unsure = False
            try:
                waiting = await self._consumers.waiting()
            except BusUnavailable:
                self._unsure = True
                raise
            for priority in waiting:
                self.noticed(priority)

    def noticed(self, priority: Priority) -> None:
        """There is, or will be at once, mail of this priority."""
        if priority in self._unused:
            self._unused.discard(priority)
            self._missing.add(priority)
            self._ring(priority)

    async def pull(self, counts: Mapping[Priority, int]) -> dict[Priority, list[Fetched]]:
        """What there is, at most so many of each priority. Raises BusUnavailable."""
        await self._uplink.up()
        await self._see_to_consumers(counts)
        keys = [await self._ask(priority, count) for priority, count in counts.items()]
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                for request in self._asked.values():
                    await request.done.wait()
        except TimeoutError:
            _log.warning("mail does not come", consumers=[self._consumers.name(priority) for priority in self._asked])
        for key in keys:
            self.inbox.forget(key)
        asked, self._asked = self._asked, {}
        for priority, request in asked.items():
            if request.end is PullEnd.EMPTY:
                await self._hang_bell(priority)
            elif request.end is PullEnd.MISSING:
                self._missing.add(priority)
        fetched = {priority: _fetched(request.messages, priority) for priority, request in asked.items()}
        for priority, several in fetched.items():
            self._removal.pulled(priority, [mail.handle for mail in several])
        return fetched

    async def _see_to_consumers(self, wanted: Iterable[Priority]) -> None:
        for priority in wanted:
            if priority in self._missing:
                # One that is there is left as it is: it may bear another stream's claim.
                present = await self._consumers.find(priority)
                self._removal.begin(priority, present or await self._consumers.ensure(priority))
                self._missing.discard(priority)
            elif self._removal.wants_look(priority) and (info := await self._consumers.find(priority)) is not None:
                self._removal.begin(priority, info)

    def renewed(self) -> None:
        """What is asked for will not be answered any more: the connection is another."""
        self._unsure = True
        # A broker that was restarted has lost its consumers.
        self._missing = set(Priority) - self._unused
        for request in self._asked.values():
            request.finish(PullEnd.MORE)
        for priority in tuple(self._bells):
            self._ring(priority)

    async def close(self, patience: float) -> list[Handle]:
        """Stops asking. Answers what was handed out and taken by nobody, after at most `patience` seconds."""
        for key, timer in self._bells.values():
            self.inbox.forget(key)
            timer.cancel()
        self._bells.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                for request in self._asked.values():
                    await request.done.wait()
        asked = self._asked.items()
        return [_handle(message, priority) for priority, request in asked for message in request.messages]

    async def _ask(self, priority: Priority, count: int) -> str:
        request = PullRequest(count)
        key = self.inbox.expect(request.answered)
        self._asked[priority] = request
        client = self._uplink.client
        question = pull_now(count, max(_LEAST_PULL_BYTES, client.max_payload + _ENVELOPE_BYTES))
        with bus_errors():
            await client.publish(pull_subject(self._consumers.name(priority)), question, self.inbox.address(key))
        return key

    async def _mail_arrived(self, message: Msg) -> None:
        request = self._asked.get(Priority(message.subject.rpartition(".")[2]))
        if request is not None and request.end is None:
            request.add(message)
            return
        # Too late: nobody waits for it any more.
        with suppress(NatsError):
            await message.nak()

    async def _hang_bell(self, priority: Priority) -> None:
        self.ready.discard(priority)
        if not self.ready:
            self._some_ready.clear()
        key = self.inbox.expect(partial(self._rung, priority))
        loop = asyncio.get_running_loop()
        self._bells[priority] = key, loop.call_later(_BELL_SECONDS + _BELL_SLACK_SECONDS, self._worn, priority)
        try:
            consumer = pull_subject(self._consumers.name(priority))
            await self._uplink.client.publish(consumer, ring_when_ready(_BELL_SECONDS), self.inbox.address(key))
        except NatsError:
            self._ring(priority)

    def _rung(self, priority: Priority, answer: Msg, _part: int) -> None:
        if (answer.headers or {}).get("Status") == TIME_OVER:
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
    # $JS.ACK.<stream>.<consumer>.<attempt>.<place>.<delivery>.<stored>.<pending>, or with two more tokens in front of
    # the stream and one behind. Read here, because the driver makes much more of it than is needed for each message.
    tokens = message.reply.split(".")
    first = 4 if len(tokens) == _SHORT_FORM else 6
    attempt, place, delivery, stored = tokens[first : first + 4]
    return Handle(int(place), priority, int(attempt), message.reply, int(stored), envelope, int(delivery))
