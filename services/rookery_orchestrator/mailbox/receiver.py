"""One open Receive stream: credits in, deliveries out, settlements back."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from typing import Any

import structlog
from rookery_kit.errors import Unavailable
from rookery_kit.stream_end import caller_is_gone

from rookery_orchestrator.mailbox.broker import Fetched, OpenedMailbox
from rookery_orchestrator.mailbox.frame_queue import FrameQueue
from rookery_orchestrator.mailbox.frames import Deliveries, FromAgent, GrantCredits, Opened, SettleDeliveries, ToAgent
from rookery_orchestrator.mailbox.in_flight import InFlight
from rookery_orchestrator.mailbox.model import DeadReason, Delivery, DeliveryOutcome, Failure, Priority
from rookery_orchestrator.mailbox.ordering import DeliveryOrder
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.mailbox.quarantine import Quarantine
from rookery_orchestrator.mailbox.settler import Burial, Settler
from rookery_orchestrator.session_errors import StreamProtocol

_BATCH = 256
# Small enough to cross NATS in one message, also as JSON.
_FRAME_BYTES = 1024 * 1024
_RETRY_SECONDS = 0.2
_CLOSE_SECONDS = 5.0
_GONE_SECONDS = 0.1
_log = structlog.get_logger(__name__)


class Receiver:
    """Delivers the mail of an opened mailbox as far as credits go, and settles it.

    Mail is taken out only for credits that are there, so that whatever is taken out is delivered.
    """

    def __init__(self, mailbox: OpenedMailbox, policy: DeliveryPolicy) -> None:
        self._mailbox = mailbox
        self._policy = policy
        self._credits = 0
        self._in_flight = InFlight()
        self._quarantine = Quarantine()
        self._order = DeliveryOrder()
        self._frames = FrameQueue()
        self._may_deliver = asyncio.Event()
        self._settler = Settler(mailbox, policy, self._in_flight, self._frames, room_made=self._may_deliver.set)

    async def run(self, incoming: AsyncIterator[FromAgent]) -> AsyncGenerator[ToAgent, None]:
        """The frames to be sent, Opened being the first, until `incoming` ends and all that came by it is settled.

        Raises SessionSuperseded, or StreamProtocol. However it ends, what is unsettled comes again at once. When it is
        cancelled the receiver was lost, unless the service is being stopped.
        """
        await self._frames.put(Opened())
        loops = [
            self._read(incoming),
            self._deliver(),
            self._settler.run(),
            self._extend(),
            self._mailbox.until_superseded(),
        ]
        tasks = [self._start(loop) for loop in loops]
        try:
            async for frame in self._frames.frames():
                yield frame
        finally:
            await _to_the_end(self._close(tasks, lost=caller_is_gone()))

    def _start(self, loop: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(loop)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._frames.fail(error)

    async def _close(self, tasks: list[asyncio.Task[None]], *, lost: bool) -> None:
        pending = set(tasks)
        while pending:
            # More than once, if need be: a library may swallow a cancellation (before Python 3.12, wait_for can).
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=_RETRY_SECONDS)
        try:
            if lost and (suspect := self._in_flight.suspect()) is not None:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._mailbox.note(suspect, Failure(DeliveryOutcome.RECEIVER_LOST))
        except TimeoutError:
            _log.warning("the loss of a receiver was not noted", unsettled=len(self._in_flight))
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._mailbox.close([*self._in_flight, *self._quarantine])
        except TimeoutError:
            _log.warning("mailbox closed without returning its mail", unsettled=len(self._in_flight))

    async def _read(self, incoming: AsyncIterator[FromAgent]) -> None:
        async for frame in incoming:
            if isinstance(frame, GrantCredits):
                self._credits += frame.count
                self._may_deliver.set()
            elif isinstance(frame, SettleDeliveries):
                await self._settler.submit(frame.settlements)
            else:
                raise StreamProtocol("the mailbox is open already")
        await self._settler.drain()
        if self._in_flight:
            # A receiver that is gone looks like one that has ended its stream, until gRPC cancels it a moment later.
            await asyncio.sleep(_GONE_SECONDS)
        self._frames.end()

    def _room(self) -> int:
        return min(self._credits, self._policy.max_in_flight - len(self._in_flight), _BATCH)

    async def _deliver(self) -> None:
        while True:
            await self._until(lambda: self._room() > 0)
            try:
                if self._quarantine:
                    await self._deliver_alone()
                    continue
                await self._mailbox.until_ready(self._room())
                fetched = await self._mailbox.pull(self._order.plan(self._room(), self._mailbox.ready))
            except Unavailable as error:
                _log.warning("receiver waits", reason=error.reason, error=error.message)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            for frame in _framed(self._take_note(fetched)):
                await self._frames.put(frame)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._may_deliver.clear()
            await self._may_deliver.wait()

    async def _at_most_for_a_while(self, condition: Callable[[], bool]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._policy.alone):
                await self._until(condition)

    async def _deliver_alone(self) -> None:
        """Delivers what is first in quarantine while nothing else is out, or buries it when it has failed enough."""
        handle = self._quarantine.first.handle
        if await self._mailbox.failures(handle) >= self._policy.max_deliveries:
            mail = self._quarantine.release()
            self._settler.bury(Burial(mail.handle, DeadReason.MAX_DELIVERIES, "", mail.handle.attempt - 1))
            return
        await self._at_most_for_a_while(lambda: not self._in_flight)
        delivery = self._in_flight.add_alone(self._quarantine.release())
        self._credits -= 1
        await self._frames.put(Deliveries((delivery,)))
        await self._at_most_for_a_while(lambda: self._in_flight.find(delivery.delivery_id) is None)

    def _take_note(self, fetched: Mapping[Priority, list[Fetched]]) -> list[Delivery]:
        """What of it is to be delivered, in order. Waits for nothing, so that the end of the stream forgets no mail."""
        new = {priority: [mail for mail in several if self._is_new(mail)] for priority, several in fetched.items()}
        deliveries = [self._in_flight.add(mail) for mail in self._order.arrange(new, self._mailbox.ready)]
        self._credits -= len(deliveries)
        return deliveries

    def _is_new(self, mail: Fetched) -> bool:
        """Whether it is to be delivered with the rest: the agent has not got it yet, and it needs no more thought."""
        if self._in_flight.knows(mail.handle):
            return False
        if mail.mail is None:
            attempts = mail.handle.attempt - 1
            self._settler.bury(Burial(mail.handle, DeadReason.TERMINATED, "not readable as mail", attempts))
            return False
        if mail.handle.attempt > self._policy.max_deliveries:
            self._quarantine.hold(mail)
            return False
        return True

    async def _extend(self) -> None:
        while True:
            await asyncio.sleep(self._policy.ack_wait / 3)
            await self._mailbox.extend([*self._in_flight, *self._quarantine])


async def _to_the_end(closing: Coroutine[Any, Any, None]) -> None:
    """Runs what must not be cut short: gRPC may cancel a handler again while it cleans up after the first time."""
    task = asyncio.create_task(closing)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()


def _framed(deliveries: list[Delivery]) -> Iterator[Deliveries]:
    """The deliveries in frames that a client with the usual limit of 4 MiB can take."""
    frame: list[Delivery] = []
    size = 0
    for delivery in deliveries:
        if frame and size + delivery.size > _FRAME_BYTES:
            yield Deliveries(tuple(frame))
            frame, size = [], 0
        frame.append(delivery)
        size += delivery.size
    if frame:
        yield Deliveries(tuple(frame))
