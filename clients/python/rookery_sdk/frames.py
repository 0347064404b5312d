"""A bidirectional stream that is opened again whenever it ends."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Generic, NoReturn, Protocol, TypeVar, cast

import grpc

from rookery_sdk.authorization import call_metadata
from rookery_sdk.backoff import Backoff
from rookery_sdk.errors import RookeryError, SessionSuperseded, Unauthenticated, Unavailable
from rookery_sdk.session import Session, is_final
from rookery_sdk.status import error_of
from rookery_sdk.tokens import AccessToken, AccessTokens

Out = TypeVar("Out")
In = TypeVar("In")
In_contra = TypeVar("In_contra", contravariant=True)
_OPENING_SECONDS = 10.0
_HIGH_WATER = 256
_log = logging.getLogger("rookery_sdk")


class Outbound(Generic[Out]):
    """Frames on their way out of one stream."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[Out] = asyncio.Queue()
        self._ended = False
        self._low = asyncio.Event()
        self._low.set()

    def send(self, frame: Out) -> None:
        """Queues a frame. What is queued when the stream ends is lost with it."""
        self._frames.put_nowait(frame)
        if self._frames.qsize() >= _HIGH_WATER and not self._ended:
            self._low.clear()

    async def drained(self) -> None:
        """Returns when few enough frames are queued for more to be welcome, or the stream has ended."""
        await self._low.wait()

    async def write_to(self, call: "grpc.aio.StreamStreamCall[Out, Any]") -> None:
        """Writes until the call has ended; why it ended is read, not written."""
        try:
            while True:
                frame = await self._frames.get()
                if self._frames.qsize() < _HIGH_WATER:
                    self._low.set()
                await call.write(frame)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return
        finally:
            self._ended = True
            self._low.set()


class Link(Protocol[Out, In_contra]):
    """What an agent does on a stream. All of it happens in the event loop, so none of it waits."""

    def opening(self, session_epoch: int) -> Out:
        """The first frame of a stream."""
        ...

    def attach(self, outbound: Outbound[Out], first: In_contra) -> None:
        """The stream is open; `first` is what the other side answered to the opening frame."""
        ...

    def take(self, frame: In_contra) -> None:
        """A frame has come."""
        ...

    def detach(self) -> None:
        """The stream has ended."""
        ...


class StreamLoop(Generic[Out, In]):
    """Keeps a stream open for a link: over lost connections, restarts, expired tokens and new sessions."""

    def __init__(
        self,
        name: str,
        method: "grpc.aio.StreamStreamMultiCallable[Out, In]",
        link: Link[Out, In],
        *,
        session: Session,
        access: AccessTokens,
    ) -> None:
        self._name = name
        self._method = method
        self._link = link
        self._session = session
        self._access = access
        self._backoff = Backoff()
        self._reopen = asyncio.Event()

    def reopen(self) -> None:
        """Ends the stream that is open, if there is one; the next follows as after a lost connection."""
        self._reopen.set()

    async def run(self) -> NoReturn:
        """Runs until cancelled. Raises what cannot be waited out, such as SessionSuperseded."""
        while True:
            wait = 0.0
            epoch = self._session.epoch
            try:
                await self._stream(epoch)
            except RookeryError as error:
                _log.warning("the %s stream ended: %s", self._name, error)
                wait = error.detail.retry_after or 0.0
                if is_final(error) and not isinstance(error, SessionSuperseded):
                    raise
                if isinstance(error, SessionSuperseded):
                    # The registry has the last word; raises if it is so.
                    await self._session.confirm()
                elif error.reason == "AGENT_NOT_FOUND":
                    await self._session.renew(epoch)
            await asyncio.sleep(self._backoff.next(at_least=wait))

    async def _stream(self, epoch: int) -> None:
        token = await self._access.current()
        self._reopen.clear()
        call = self._method(metadata=call_metadata(token))
        try:
            async with asyncio.timeout(_OPENING_SECONDS):
                await call.write(self._link.opening(epoch))
                first = await call.read()
            if first is not grpc.aio.EOF:
                self._backoff.reset()
                await self._exchange(call, cast("In", first), epoch)
        except grpc.aio.AioRpcError as error:
            await self._give_up(error_of(error), token)
        except asyncio.InvalidStateError:
            # The call ended before the opening frame was written; its status says why.
            await self._give_up(await _status(call), token)
        except TimeoutError:
            raise Unavailable(f"the {self._name} stream was not opened in time") from None
        finally:
            call.cancel()

    async def _exchange(self, call: "grpc.aio.StreamStreamCall[Out, In]", first: In, epoch: int) -> None:
        outbound: Outbound[Out] = Outbound()
        self._link.attach(outbound, first)
        try:
            await _first_of(self._read(call), outbound.write_to(call), self._session.outlived(epoch), self._reopened())
        finally:
            self._link.detach()

    async def _read(self, call: "grpc.aio.StreamStreamCall[Out, In]") -> None:
        while (frame := await call.read()) is not grpc.aio.EOF:
            self._link.take(cast("In", frame))

    async def _reopened(self) -> None:
        await self._reopen.wait()

    async def _give_up(self, error: RookeryError, token: AccessToken) -> NoReturn:
        if isinstance(error, Unauthenticated):
            await self._access.replaced(token)
            raise Unavailable(f"the token was replaced: {error.message}") from None
        raise error from None


async def _status(call: "grpc.aio.StreamStreamCall[Any, Any]") -> RookeryError:
    code = await call.code()
    return error_of(
        grpc.aio.AioRpcError(code, await call.initial_metadata(), await call.trailing_metadata(), await call.details())
    )


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Runs works beside each other until the reader (the first) or another ends, and raises what the reader raised."""
    tasks = [asyncio.create_task(work) for work in works]
    reader, writer = tasks[0], tasks[1]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if writer.done() and not reader.done():
            # Nothing can be written any more, so the end of the stream is about to be read.
            await asyncio.wait({reader}, timeout=_OPENING_SECONDS)
        if reader.done():
            reader.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
