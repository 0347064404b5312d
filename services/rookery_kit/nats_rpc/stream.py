"""One stream over NATS: frames are numbered both ways, so that a lost one is noticed, and silence ends it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from google.protobuf.message import Message
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from rookery_kit.errors import InvalidArgument, ResourceExhausted, RookeryError, Unavailable
from rookery_kit.nats_rpc.wire import END, FRAME, PING, PONG, STREAM, Codec, number

SILENCE_SECONDS = 15.0
# What may wait to be taken. Two frames of the greatest size that the server carries are not too many.
_MOST_FRAMES = 1024
_MOST_BYTES = 4 * 1024 * 1024


class FrameLost(Unavailable):
    """A frame did not arrive, or nothing did for too long; open the stream again."""

    reason = "BUS_UNAVAILABLE"


class TooManyFrames(ResourceExhausted):
    """The caller sends faster than its frames are taken."""

    reason = "RATE_LIMITED"


class NatsStream:
    """The frames of one stream. What breaks it is kept in `broken`, and `ended` is set.

    `takes` is the class of the caller's frames; None: beside the opening one it sends none.
    """

    def __init__(
        self, client: Client, stream_id: str, subject: str, reply: str, codec: Codec, takes: type[Message] | None
    ) -> None:
        self._client = client
        self._id = stream_id
        self._subject = subject
        self._reply = reply
        self._codec = codec
        self._takes = takes
        self._incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._waiting_bytes = 0
        self._received = 1
        self._sent = 0
        self._heard = asyncio.Event()
        self._subscription: Subscription | None = None
        self.broken: RookeryError | None = None
        self.ended = asyncio.Event()

    async def open(self, first: bytes) -> None:
        """Takes the opening frame and listens for those that follow it."""
        self._subscription = await self._client.subscribe(
            self._subject, cb=self._take, pending_msgs_limit=_MOST_FRAMES, pending_bytes_limit=_MOST_BYTES
        )
        if self._takes is not None:
            self._put(first)

    async def close(self) -> None:
        """Listens no more."""
        if self._subscription is not None:
            with suppress(NatsError):
                await self._subscription.unsubscribe()

    async def frames(self) -> AsyncIterator[bytes]:
        """The caller's frames, until it ends the stream."""
        while (frame := await self._incoming.get()) is not None:
            self._waiting_bytes -= len(frame)
            yield frame

    async def write(self, response: Message) -> None:
        """Sends a frame."""
        self._sent += 1
        await self._publish(self._codec.answer(response), {FRAME: str(self._sent)})

    async def write_end(self, payload: bytes, headers: Mapping[str, str]) -> None:
        """Sends the last frame, with the status of the stream."""
        self._sent += 1
        await self._publish(payload, {FRAME: str(self._sent), END: "1", **headers})

    async def until_broken(self) -> None:
        """Waits until the stream is broken, by a lost frame or by silence, or was ended by its caller."""
        while not self.ended.is_set():
            self._heard.clear()
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    await self._heard.wait()
            except TimeoutError:
                self._break(FrameLost(f"nothing was heard for {SILENCE_SECONDS:g} s; open the stream again"))

    async def _publish(self, payload: bytes, headers: dict[str, str]) -> None:
        await self._client.publish(self._reply, payload, headers={STREAM: self._id, **headers})

    async def _take(self, message: Msg) -> None:
        headers = message.headers or {}
        self._heard.set()
        if (ping := number(headers, PING)) is not None:
            if ping != self._received:
                self._break(FrameLost(f"frame {self._received + 1} did not arrive; open the stream again"))
            with suppress(NatsError):
                await self._publish(b"", {PONG: str(self._sent)})
            return
        if number(headers, FRAME) != self._received + 1:
            self._break(FrameLost(f"frame {self._received + 1} did not arrive; open the stream again"))
            return
        self._received += 1
        if headers.get(END):
            self._incoming.put_nowait(None)
            self.ended.set()
            return
        if self._takes is None:
            self._break(InvalidArgument("this stream takes no frames but the one that opens it"))
            return
        if self._incoming.qsize() >= _MOST_FRAMES or self._waiting_bytes + len(message.data) > _MOST_BYTES:
            self._break(TooManyFrames("frames come faster than they are taken; wait for answers"))
            return
        try:
            self._put(self._codec.request(message.data, self._takes))
        except InvalidArgument as error:
            self._break(error)

    def _put(self, frame: bytes) -> None:
        self._waiting_bytes += len(frame)
        self._incoming.put_nowait(frame)

    def _break(self, error: RookeryError) -> None:
        self.broken = self.broken or error
        self.ended.set()
        self._heard.set()
