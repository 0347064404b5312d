"""This process's lease: while it lives, nobody else touches what this process has reserved."""

import asyncio
from datetime import timedelta

import structlog
from rookery_kit.errors import Unavailable

from rookery_tool_executor.store import LedgerStore

_log = structlog.get_logger(__name__)


class ExecutorLease:
    """Renewed three times within its duration. `id` is new for each process, so it is never inherited."""

    def __init__(self, store: LedgerStore, executor_id: str, duration: timedelta) -> None:
        self.id = executor_id
        self._store = store
        self._duration = duration

    async def renew(self) -> None:
        """Takes or renews the lease. Raises Unavailable when the database does not answer."""
        await self._store.renew_lease(self.id, self._duration)

    async def run(self) -> None:
        """Renews until cancelled; outages are waited out."""
        while True:
            await asyncio.sleep(self._duration.total_seconds() / 3)
            try:
                await self.renew()
            except Unavailable as error:
                _log.warning("executor lease not renewed", reason=error.reason)

    async def close(self) -> None:
        """Gives the lease back, so that nothing of this process's has to wait for it to run out."""
        try:
            await self._store.close_lease(self.id)
        except Unavailable as error:
            _log.warning("executor lease not given back", reason=error.reason)
