"""One open Receive stream: credits in, deliveries out, settlements back."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import suppress
from typing import Any

import structlog
from rookery_kit.errors import Unavailable

from rookery_orchestrator.mailbox.broker import Fetched, OpenedMailbox
from rookery_orchestrator.mailbox.frame_queue import FrameQueue
from rookery_orchestrator.mailbox.frames import Deliveries, FromAgent, GrantCredits, Opened, SettleDeliveries, ToAgent
from rookery_orchestrator.mailbox.in_flight import InFlight
from rookery_orchestrator.mailbox.model import DeadReason, Delivery, Priority
from rookery_orchestrator.mailbox.ordering import DeliveryOrder
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.mailbox.settler import Burial, Settler
from rookery_orchestrator.session_errors import StreamProtocol

_BATCH = 64
_FRAME_BYTES = 2 * 1024 * 1024
_RETRY_SECONDS = 0.2
_CLOSE_SECONDS = 2.0
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
        self._order = DeliveryOrder()
        self._frames = FrameQueue()
        self._may_deliver = asyncio.Event()
        self._settler = Settler(mailbox, policy, self._in_flight, self._frames, room_made=self._may_deliver.set)

    async def run(self, incoming: AsyncIterator[FromAgent]) -> AsyncGenerator[ToAgent, None]:
        """The frames to be sent, Opened being the first, until `incoming` ends and all that came by it is settled.

        Raises SessionSuperseded, or StreamProtocol. However it ends, what is unsettled comes again at once.
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
            await _to_the_end(self._close(tasks))

    def _start(self, loop: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(loop)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._frames.fail(error)

    async def _close(self, tasks: list[asyncio.Task[None]]) -> None:
        pending = set(tasks)
        while pending:
            # More than once, if need be: a library may swallow a cancellation (before Python 3.12, wait_for can).
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=_RETRY_SECONDS)
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._mailbox.close(self._in_flight)
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
        self._frames.end()

    def _room(self) -> int:
        return min(self._credits, self._policy.max_in_flight - len(self._in_flight), _BATCH)

    async def _deliver(self) -> None:
        while True:
            while self._room() <= 0:
                self._may_deliver.clear()
                await self._may_deliver.wait()
            await self._mailbox.until_ready()
            try:
                fetched = await self._mailbox.pull(self._order.plan(self._room(), self._mailbox.ready))
            except Unavailable as error:
                _log.warning("receiver waits", reason=error.reason, error=error.message)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            for frame in _framed(self._take_note(fetched)):
                await self._frames.put(frame)

    def _take_note(self, fetched: Mapping[Priority, list[Fetched]]) -> list[Delivery]:
        """What of it is to be delivered, in order. Waits for nothing, so that the end of the stream forgets no mail."""
        new = {priority: [mail for mail in several if self._is_new(mail)] for priority, several in fetched.items()}
        deliveries = [self._in_flight.add(mail) for mail in self._order.arrange(new, self._mailbox.ready)]
        self._credits -= len(deliveries)
        return deliveries

    def _is_new(self, mail: Fetched) -> bool:
        """Whether it is to be delivered: the agent has not got it yet, and it is not for the dead letters."""
        if self._in_flight.knows(mail.handle):
            return False
        burial = self._burial(mail)
        if burial is not None:
            self._settler.bury(burial)
        return burial is None

    def _burial(self, mail: Fetched) -> Burial | None:
        if not mail.readable:
            return Burial(mail.handle, DeadReason.TERMINATED, "not readable as mail", mail.handle.attempt - 1)
        if mail.handle.attempt > self._policy.max_deliveries:
            return Burial(mail.handle, DeadReason.MAX_DELIVERIES, "", mail.handle.attempt - 1)
        return None

    async def _extend(self) -> None:
        while True:
            await asyncio.sleep(self._policy.ack_wait / 3)
            await self._mailbox.extend(self._in_flight)


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
        if frame and size + len(delivery.mail) > _FRAME_BYTES:
            yield Deliveries(tuple(frame))
            frame, size = [], 0
        frame.append(delivery)
        size += len(delivery.mail)
    if frame:
        yield Deliveries(tuple(frame))
