"""Room for the days to come, and the end of those whose time is over."""

import asyncio
from datetime import timedelta
from typing import Protocol

import structlog
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_orchestrator.trail.store import TrailStore

_EVERY_SECONDS = 3600.0
_RETRY_SECONDS = 5.0
_AHEAD_DAYS = 7
_BATCH = 5_000
_log = structlog.get_logger(__name__)


class AgedDeadLetters(Protocol):
    """Dead letters, which are forgotten by age."""

    async def forget(self, age: timedelta, limit: int) -> int:
        """Removes at most so many that are older, and answers how many."""
        ...


class Retention:
    """Keeps messages in the trail, and dead letters, for so many days and no longer."""

    def __init__(
        self, trail: TrailStore, dead_letters: AgedDeadLetters, clock: Clock, *, trail_days: int, dead_letter_days: int
    ) -> None:
        self._trail = trail
        self._dead_letters = dead_letters
        self._clock = clock
        self._trail_days = trail_days
        self._dead_letter_days = dead_letter_days

    async def run(self) -> None:
        """Sees to it until cancelled."""
        while True:
            try:
                await self.see_to_it()
            except RookeryError as error:
                _log.warning("retention waits", reason=error.reason)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            await asyncio.sleep(_EVERY_SECONDS)

    async def see_to_it(self) -> None:
        """Makes room for a week, and drops what is too old."""
        today = self._clock.now().date()
        await self._trail.ensure_days([today + timedelta(days=day) for day in range(_AHEAD_DAYS + 1)])
        dropped = await self._trail.drop_days(today - timedelta(days=self._trail_days))
        if dropped:
            _log.info("days of the audit trail dropped", days=dropped)
        while await self._dead_letters.forget(timedelta(days=self._dead_letter_days), _BATCH) == _BATCH:
            pass
