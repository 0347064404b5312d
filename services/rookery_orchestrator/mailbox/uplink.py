"""The state of the connection to the broker, for those who wait on it."""

import asyncio
from collections.abc import Callable

from nats.aio.client import Client

_LOOK_SECONDS = 0.1


class Uplink:
    """Tells when the connection is there, and when it is another than before.

    What was asked of the broker on an earlier connection and is not answered yet never will be.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._up = asyncio.Event()
        self._seen = client.stats["reconnects"]
        self._listeners: set[Callable[[], None]] = set()
        self._look()

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

    async def run(self) -> None:
        """Watches until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._look()

    def _look(self) -> None:
        if not self.client.is_connected:
            return
        self._up.set()
        reconnects = self.client.stats["reconnects"]
        if reconnects != self._seen:
            self._seen = reconnects
            for renewed in tuple(self._listeners):
                renewed()
