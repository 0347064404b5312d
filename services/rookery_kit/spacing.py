"""Work that is begun at most so often."""

import asyncio


class Spacing:
    """Lets each round begin at least so many seconds after the one before; one that comes later waits for nothing."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = float("-inf")

    async def __call__(self) -> None:
        """Waits until the next round may begin."""
        loop = asyncio.get_running_loop()
        if (early := self._next - loop.time()) > 0:
            await asyncio.sleep(early)
        self._next = loop.time() + self._seconds
