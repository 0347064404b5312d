"""The state of the connection to the broker, for those who wait on it."""

import asyncio
from collections.abc import Callable

from rookery_kit.bus import Bus


class Uplink:
    """Tells when the connection is there, and when it is another than before.

    What was asked of the broker on an earlier connection and is not answered yet never will be.
    """

    def __init__(self, bus: Bus) -> None:
        self.client = bus.client
        self._up = asyncio.Event()
        self._listeners: set[Callable[[], None]] = set()
        bus.on_renewed(self._renewed)

    def listen(self, renewed: Callable[[], None]) -> None:
        """Has `renewed` called whenever the connection has been replaced."""
        self._listeners.add(renewed)

    def leave(self, renewed: Callable[[], None]) -> None:
        """Takes `listen` back."""
        self._listeners.discard(renewed)

    async def up(self) -> None:
        """Waits until the connection is there."""
        while not self.client.is_connected:
            self._up.clear()
            await self._up.wait()

    def _renewed(self) -> None:
        self._up.set()
        for renewed in tuple(self._listeners):
            renewed()
