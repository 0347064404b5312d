"""MessageService.SendMessages: batches in, results out, several batches on their way at a time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from rookery.orchestrator.v1 import message_service_pb2
from rookery_kit.errors import InvalidArgument
from rookery_kit.rpc import Call
from rookery_kit.rpc.status import status_of

from rookery_orchestrator.mailbox.sending import SendMessage, Sent, Unsent
from rookery_orchestrator.rpc.drafts import decode_draft

_ON_THEIR_WAY = 8
_Results = asyncio.Future[list[Sent | Unsent]]


class BulkSending:
    """Serves one stream after another; nothing is kept between them."""

    def __init__(self, send_message: SendMessage) -> None:
        self._send_message = send_message

    async def serve(
        self, call: Call, batches: AsyncIterator[message_service_pb2.SendMessagesRequest]
    ) -> AsyncGenerator[message_service_pb2.SendMessagesResponse, None]:
        """The results of each batch, in order. What the batches raise is raised after the results of those before."""
        on_their_way: asyncio.Queue[_Results | None] = asyncio.Queue(_ON_THEIR_WAY)
        reading = asyncio.create_task(self._read(call, batches, on_their_way))
        try:
            while (results := await on_their_way.get()) is not None:
                yield message_service_pb2.SendMessagesResponse(results=map(_encode, await results))
            await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            while not on_their_way.empty():
                if (unread := on_their_way.get_nowait()) is not None:
                    unread.cancel()

    async def _read(
        self,
        call: Call,
        batches: AsyncIterator[message_service_pb2.SendMessagesRequest],
        on_their_way: "asyncio.Queue[_Results | None]",
    ) -> None:
        traceparent = call.traceparent
        try:
            async for batch in batches:
                _refuse_replies(batch)
                drafts = [decode_draft(request, traceparent) for request in batch.messages]
                sending = await self._send_message.many(call.principal, drafts, call.forward)
                await on_their_way.put(asyncio.ensure_future(sending))
        finally:
            await on_their_way.put(None)


def _refuse_replies(batch: message_service_pb2.SendMessagesRequest) -> None:
    for index, request in enumerate(batch.messages):
        if request.reply_address:
            said = "is for SendMessage: an answer travels alone"
            raise InvalidArgument(f"reply_address {said}", violations=((f"messages[{index}].reply_address", said),))


def _encode(result: Sent | Unsent) -> message_service_pb2.SendResult:
    if isinstance(result, Unsent):
        return message_service_pb2.SendResult(message_id=result.message_id, error=status_of(result.error))
    return message_service_pb2.SendResult(message_id=result.message.id, duplicate=result.duplicate)
