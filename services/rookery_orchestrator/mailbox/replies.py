"""Answers to requests, in the stream REPLY."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import APIError, NotFoundError
from rookery_kit.bus import Bus, BusUnavailable
from rookery_kit.bus.subjects import MESSAGE_ID_HEADER, TRACEPARENT_HEADER, reply_subject
from rookery_kit.bus.topology import REPLY_STREAM

from rookery_orchestrator.mailbox.consumers import bus_errors
from rookery_orchestrator.mailbox.model import Message
from rookery_orchestrator.mailbox.requests import ReplyPlace
from rookery_orchestrator.mailbox.wire import seal, unseal_message

_LOOK_SECONDS = 2.0
_ANOTHER_WAS_FIRST = 10071
_ONLY_THE_FIRST = "Nats-Expected-Last-Subject-Sequence"


class JetStreamReplies:
    """Implements ReplyStore. Who waits listens to the subject itself, and looks now and then, as after an outage."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def put(self, place: ReplyPlace, reply: Message) -> bool:
        """Keeps an answer: True when there was one. Raises BusUnavailable."""
        headers = {MESSAGE_ID_HEADER: f"{_subject(place)}/{reply.id}", _ONLY_THE_FIRST: "0"}
        if reply.traceparent:
            headers[TRACEPARENT_HEADER] = reply.traceparent
        with bus_errors():
            try:
                stored = await self._bus.jetstream.publish(_subject(place), seal(reply), headers=headers)
            except APIError as error:
                if error.err_code == _ANOTHER_WAS_FIRST:
                    return True
                raise
        return bool(stored.duplicate)

    async def find(self, place: ReplyPlace) -> Message | None:
        """The answer that is kept, if there is one. Raises BusUnavailable."""
        with bus_errors():
            try:
                found = await self._bus.jetstream.get_last_msg(REPLY_STREAM, _subject(place), direct=True)
            except NotFoundError:
                return None
        return unseal_message(found.data or b"")

    @asynccontextmanager
    async def awaiting(self, place: ReplyPlace) -> AsyncIterator["_Awaited"]:
        """Listens from the beginning of the block on. Raises BusUnavailable."""
        awaited = _Awaited(self, place)
        with bus_errors():
            subscription = await self._bus.client.subscribe(_subject(place), cb=awaited.take)
        try:
            yield awaited
        finally:
            with suppress(NatsError):
                await subscription.unsubscribe()


class _Awaited:
    def __init__(self, replies: JetStreamReplies, place: ReplyPlace) -> None:
        self._replies = replies
        self._place = place
        self._reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    async def take(self, answer: Msg) -> None:
        """Takes what arrives on the subject; only an answer counts."""
        with suppress(DecodeError):
            reply = unseal_message(answer.data)
            if not self._reply.done():
                self._reply.set_result(reply)

    async def get(self) -> Message:
        """Waits for the answer."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    return await asyncio.shield(self._reply)
            with suppress(BusUnavailable):
                found = await self._replies.find(self._place)
                if found is not None:
                    return found


def _subject(place: ReplyPlace) -> str:
    return reply_subject(place.tenant, place.replier_id, place.address)
