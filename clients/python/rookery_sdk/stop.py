"""The wish that an agent stops."""

import asyncio


class Stop:
    """Asked once, an agent stops gracefully; asked again, at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._hurry = asyncio.Event()

    def ask(self) -> None:
        """Asks, or asks for hurry."""
        if self.asked.is_set():
            self._hurry.set()
        self.asked.set()

    async def spare(self, done: asyncio.Event, seconds: float) -> bool:
        """Waits for an event for so many seconds, or until there is hurry. Whether the event is set."""
        waits = [asyncio.create_task(event.wait()) for event in (done, self._hurry)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return done.is_set()
