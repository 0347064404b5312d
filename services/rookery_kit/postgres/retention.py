"""Keeps the shared tables from growing without bound."""

import asyncio

import structlog

from rookery_kit.errors import RookeryError
from rookery_kit.postgres.database import Database

_EVERY_SECONDS = 600
_BATCH = 5_000
# Longer than the stream EVENT keeps an event, so that no event outlives its row in the inbox.
_SWEEPS = {
    "inbox": """
        DELETE FROM inbox WHERE (consumer, message_id) IN (
            SELECT consumer, message_id FROM inbox WHERE process_time < now() - interval '8 days' LIMIT $1)""",
    "idempotency": """
        DELETE FROM idempotency WHERE (tenant, subject, method, request_id) IN (
            SELECT tenant, subject, method, request_id FROM idempotency
            WHERE create_time < now() - interval '24 hours' LIMIT $1)""",
}
_log = structlog.get_logger(__name__)


class SharedTablesJanitor:
    """Removes rows of the inbox after 8 days and stored answers after 24 hours."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Sweeps until cancelled."""
        while True:
            try:
                await self.sweep()
            except RookeryError as error:
                _log.warning("sweep waits", reason=error.reason)
            await asyncio.sleep(_EVERY_SECONDS)

    async def sweep(self) -> None:
        """Removes all that is due, in batches so that no lock is held for long."""
        for statement in _SWEEPS.values():
            swept = _BATCH
            while swept == _BATCH:
                async with self._database.system_transaction() as connection:
                    swept = int((await connection.execute(statement, _BATCH)).rpartition(" ")[2])
