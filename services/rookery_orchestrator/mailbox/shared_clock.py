"""The time by which mail comes and goes: the database's, the same for every replica."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

_EVERY_SECONDS = 10.0
_TOLERANCE_SECONDS = 0.05
_log = structlog.get_logger(__name__)


class SharedClock:
    """Carries the database's time on by this machine's monotonic clock.

    So a message lives as long as it should whichever replicas accept and deliver it, also when the clock of one of them
    is wrong, or is set while it runs. `ask` answers the database's time, and raises Unavailable.
    """

    def __init__(self, own: Clock, ask: Callable[[], Awaitable[datetime]]) -> None:
        self._own = own
        self._ask = ask
        self._moment = own.now()
        self._since = own.monotonic()

    def now(self) -> datetime:
        """The present moment, aware, in UTC. May go back a little after `adjust`."""
        return self._moment + timedelta(seconds=self._own.monotonic() - self._since)

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring."""
        return self._own.monotonic()

    async def adjust(self) -> None:
        """Asks for the time once. Raises Unavailable, and then goes on as before."""
        asked = self._own.monotonic()
        moment = await self._ask()
        answered = self._own.monotonic()
        moment += timedelta(seconds=(answered - asked) / 2)
        if abs((moment - self.now()).total_seconds()) > answered - asked + _TOLERANCE_SECONDS:
            self._moment, self._since = moment, answered

    async def run(self) -> None:
        """Adjusts every ten seconds until cancelled. While the database is away, the time goes on."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await self.adjust()
            except RookeryError as error:
                _log.info("the time is not compared", reason=error.reason)
