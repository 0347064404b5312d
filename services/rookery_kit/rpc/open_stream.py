"""A stream that is open, and may have to be ended from here."""

import asyncio
from typing import Any

from rookery_kit.identity import Principal
from rookery_kit.stream_end import end_by_service

_WRITING_SECONDS = 5.0


class OpenStream:
    """The task of a stream's handler, and for whom it runs.

    gRPC sends no status after a frame whose writing was broken off, and the caller would wait for ever. So the end of
    a stream waits until a frame that is being written is out; five seconds at the most, for a caller that reads none.
    """

    def __init__(self, principal: Principal | None) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.principal = principal
        self._task = task
        self._writing = False
        self._ending: asyncio.TimerHandle | None = None

    def end(self) -> None:
        """Cancels the handler, at once or when it has written what it is at."""
        if not self._writing:
            end_by_service(self._task)
        elif self._ending is None:
            self._ending = asyncio.get_running_loop().call_later(_WRITING_SECONDS, end_by_service, self._task)

    async def write(self, call: Any, response: Any) -> None:  # noqa: ANN401 -- gRPC's context, and its messages
        """Writes a frame. Raises CancelledError when the stream has been ended meanwhile."""
        self._writing = True
        try:
            await call.write(response)
        finally:
            self._writing = False
            if self._ending is not None:
                self._ending.cancel()
        if self._ending is not None:
            end_by_service(self._task)
            await asyncio.sleep(0)
