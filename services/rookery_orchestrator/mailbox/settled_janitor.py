"""Forgetting settled messages."""

import asyncio
from datetime import timedelta
from typing import Protocol

import structlog
from rookery_kit.errors import RookeryError

_EVERY_SECONDS = 600.0
_BATCH = 5_000
_log = structlog.get_logger(__name__)


class SweptStore(Protocol):
    """Keeps what is to be forgotten."""

    async def sweep(self, older_than: timedelta, most: int) -> int:
        """Forgets at most so many of that age, and answers how many. Raises Unavailable."""
        ...


class SettledJanitor:
    """Keeps the inbox of settled messages from growing without bound."""

    def __init__(self, store: SweptStore, keep: timedelta) -> None:
        self._store = store
        self._keep = keep

    async def run(self) -> None:
        """Sweeps until cancelled."""
        while True:
            try:
                # In batches, so that no lock is held for long.
                while await self._store.sweep(self._keep, _BATCH) == _BATCH:
                    continue
            except RookeryError as error:
                _log.warning("sweep waits", reason=error.reason)
            await asyncio.sleep(_EVERY_SECONDS)
