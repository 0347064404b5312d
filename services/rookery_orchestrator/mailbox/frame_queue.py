"""The frames that wait to be sent on a stream."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from rookery_orchestrator.mailbox.frames import ToAgent


class FrameQueue:
    """A bounded queue that one task reads and several fill. It ends in good order, or at once with an error."""

    def __init__(self, bound: int = 16) -> None:
        self._bound = bound
        self._frames: deque[ToAgent] = deque()
        self._ended = False
        self._error: BaseException | None = None
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    async def put(self, frame: ToAgent) -> None:
        """Waits for room and queues a frame."""
        while len(self._frames) >= self._bound:
            self._writable.clear()
            await self._writable.wait()
        self._frames.append(frame)
        self._readable.set()

    def end(self) -> None:
        """Lets the reader end after the frames queued so far."""
        self._ended = True
        self._readable.set()

    def fail(self, error: BaseException) -> None:
        """Lets the reader raise `error` next; the first one counts."""
        self._error = self._error or error
        self._readable.set()

    async def frames(self) -> AsyncIterator[ToAgent]:
        """The frames in order, until the end. Raises the error with which the queue was failed."""
        while True:
            if self._error is not None:
                raise self._error
            if self._frames:
                self._writable.set()
                yield self._frames.popleft()
            elif self._ended:
                return
            else:
                self._readable.clear()
                await self._readable.wait()
