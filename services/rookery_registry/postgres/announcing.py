"""Changes go through the outbox; the relay is woken once they are committed."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rookery_kit.bus import OutgoingEvent, append_all
from rookery_kit.postgres import Connection, Database
from rookery_kit.postgres.database import EVERY_TENANT


@dataclass(slots=True)
class AnnouncingTransaction:
    """A transaction of one tenant that may tell of what it changes."""

    connection: Connection
    tenant: str
    announced: bool = False

    async def append(self, events: Sequence[OutgoingEvent]) -> None:
        """Stores events with the changes they tell of, in order."""
        if events:
            await append_all(self.connection, events)
            self.announced = True


class AnnouncingDatabase:
    """Opens transactions; calls `wake` after the commit of one that announced something."""

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        self._database = database
        self._wake = wake

    @asynccontextmanager
    async def begin(self, tenant: str = EVERY_TENANT) -> AsyncIterator[AnnouncingTransaction]:
        """A transaction of a tenant, or of every tenant."""
        async with self._database.transaction(tenant) as connection:
            transaction = AnnouncingTransaction(connection, tenant)
            yield transaction
        if transaction.announced:
            self._database.after_commit(self._wake)
