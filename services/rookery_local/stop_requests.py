"""The wish to stop, told by signals."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Self


class StopRequests:
    """The first SIGINT, SIGTERM or SIGHUP asks for a stop in good order, the next for one at once."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.kill = asyncio.Event()

    @classmethod
    def from_signals(cls) -> Self:
        """Takes the signals of this process over to the running event loop, which must be the main thread's."""
        requests = cls()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, requests.add)
        return requests

    def add(self) -> None:
        """Counts one request."""
        if self.stop.is_set():
            self.kill.set()
        self.stop.set()


async def done_before(event: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Runs the work to its end and answers True, or cancels it as soon as the event comes and answers False."""
    task = asyncio.create_task(work)
    coming = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, coming}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        coming.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    if task.cancelled():
        return False
    await task
    return True
