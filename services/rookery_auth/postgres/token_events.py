"""Audit events of tokens on their way out, many with one commit."""

from collections.abc import Callable, Sequence

from rookery_kit.audit import AuditEvent
from rookery_kit.bus import OutgoingEvent, append_all
from rookery_kit.group_commit import GroupCommit
from rookery_kit.postgres import Database


class PostgresTokenEvents:
    """Implements TokenEventStore: what is recorded while a commit is under way shares the next one."""

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        self._database = database
        self._wake = wake
        self._group = GroupCommit(self._commit)

    async def record(self, event: AuditEvent) -> None:
        """Stores an event in the outbox."""
        await self._group.submit(event.outgoing())

    async def _commit(self, events: Sequence[OutgoingEvent]) -> Sequence[None]:
        async with self._database.system_statement() as connection:
            await append_all(connection, events)
        self._wake()
        return [None] * len(events)
