"""Removes what is no longer to be kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog
from rookery_kit.errors import RookeryError

_EVERY_SECONDS = 60.0
_BATCH = 5_000
_log = structlog.get_logger(__name__)


class Trimmed(Protocol):
    """What grows without bound unless it is trimmed."""

    async def trim(self, keep: timedelta, limit: int) -> int:
        """Removes at most `limit` things that are older than `keep`, and answers how many."""
        ...


@dataclass(frozen=True, slots=True)
class Retention:
    """How long something is kept."""

    of: Trimmed
    keep: timedelta


class Trimming:
    """Trims in batches, so that no lock is held for long."""

    def __init__(self, retentions: Sequence[Retention]) -> None:
        self._retentions = retentions

    async def run(self) -> None:
        """Trims until cancelled. Outages of the database are waited out."""
        while True:
            try:
                await self.trim()
            except RookeryError as error:
                _log.warning("trimming waits", reason=error.reason)
            await asyncio.sleep(_EVERY_SECONDS)

    async def trim(self) -> None:
        """Removes all that is due."""
        for retention in self._retentions:
            while await retention.of.trim(retention.keep, _BATCH) == _BATCH:
                pass
