"""MessageService.SendMessages: batches in, results out, several batches on their way at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing

from rookery.orchestrator.v1 import message_service_pb2
from rookery_kit.errors import InvalidArgument
from rookery_kit.rpc import Call
from rookery_kit.rpc.status import status_of

from rookery_orchestrator.mailbox.model import Draft
from rookery_orchestrator.mailbox.sending import SendMessage, Sent, Unsent
from rookery_orchestrator.rpc.drafts import decode_draft

_FEW_ON_THEIR_WAY = 8
_MOST_ON_THEIR_WAY = 256
_RESULTS_IN_A_FRAME = 1000
_BYTES_ON_THEIR_WAY = 1024 * 1024


class _OnTheirWay:
    """The batches of one stream whose results are awaited: a few, or many small ones."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[asyncio.Future[list[Sent | Unsent]], int]] = deque()
        self._bytes = 0
        self._ended = False
        self._changed = asyncio.Event()

    async def room(self) -> None:
        """Waits until one more can be taken."""
        while len(self._waiting) >= (_FEW_ON_THEIR_WAY if self._bytes >= _BYTES_ON_THEIR_WAY else _MOST_ON_THEIR_WAY):
            await self._change()

    def add(self, sending: Awaitable[list[Sent | Unsent]], size: int) -> None:
        """Takes a batch of so many bytes."""
        self._waiting.append((asyncio.ensure_future(sending), size))
        self._bytes += size
        self._changed.set()

    def end(self) -> None:
        """Notes that no more come."""
        self._ended = True
        self._changed.set()

    async def results(self) -> AsyncGenerator[list[Sent | Unsent], None]:
        """Those of each batch, in order, until the end; several batches' at a time where they are known together."""
        while self._waiting or not self._ended:
            if not self._waiting:
                await self._change()
                continue
            await asyncio.wait((self._waiting[0][0],))
            results = self._take_first()
            while self._waiting and self._fits(self._waiting[0][0], len(results)):
                results += self._take_first()
            yield results

    def _take_first(self) -> list[Sent | Unsent]:
        sending, size = self._waiting.popleft()
        self._bytes -= size
        self._changed.set()
        return sending.result()

    @staticmethod
    def _fits(sending: "asyncio.Future[list[Sent | Unsent]]", beside: int) -> bool:
        """Whether the results of a batch are there, and can be in a frame with so many others."""
        return sending.done() and not sending.exception() and beside + len(sending.result()) <= _RESULTS_IN_A_FRAME

    def cancel(self) -> None:
        """Waits for none of them any more."""
        for sending, _ in self._waiting:
            sending.cancel()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


class BulkSending:
    """Serves one stream after another; nothing is kept between them."""

    def __init__(self, send_message: SendMessage) -> None:
        self._send_message = send_message

    async def serve(
        self, call: Call, batches: AsyncIterator[message_service_pb2.SendMessagesRequest]
    ) -> AsyncGenerator[message_service_pb2.SendMessagesResponse, None]:
        """The results, in order. What the batches raise is raised after the results of those before."""
        on_their_way = _OnTheirWay()
        reading = asyncio.create_task(self._read(call, batches, on_their_way))
        try:
            async with aclosing(on_their_way.results()) as several:
                async for results in several:
                    yield message_service_pb2.SendMessagesResponse(results=map(_encode, results))
            await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            on_their_way.cancel()

    async def _read(
        self,
        call: Call,
        batches: AsyncIterator[message_service_pb2.SendMessagesRequest],
        on_their_way: _OnTheirWay,
    ) -> None:
        traceparent = call.traceparent
        try:
            async for batch in batches:
                _refuse_replies(batch)
                drafts = _decode(batch, traceparent)
                sending = await self._send_message.many(call.principal, drafts, call.forward)
                on_their_way.add(sending, batch.ByteSize())
                await on_their_way.room()
        finally:
            on_their_way.end()


def _decode(batch: message_service_pb2.SendMessagesRequest, traceparent: str) -> list[Draft]:
    drafts: list[Draft] = []
    for index, request in enumerate(batch.messages):
        try:
            drafts.append(decode_draft(request, traceparent))
        except InvalidArgument as error:
            raise error.within(f"messages[{index}]") from None
    return drafts


def _refuse_replies(batch: message_service_pb2.SendMessagesRequest) -> None:
    for index, request in enumerate(batch.messages):
        if request.reply_address:
            said = "is for SendMessage: an answer travels alone"
            raise InvalidArgument(f"reply_address {said}", violations=((f"messages[{index}].reply_address", said),))


def _encode(result: Sent | Unsent) -> message_service_pb2.SendResult:
    if isinstance(result, Unsent):
        return message_service_pb2.SendResult(message_id=result.message_id, error=status_of(result.error))
    return message_service_pb2.SendResult(message_id=result.message.id, duplicate=result.duplicate)
