"""The way of audit events out of a service: through its outbox, so that none is lost once it is stored."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from rookery_kit.audit.event import AuditEvent
from rookery_kit.bus.outbox import append_all
from rookery_kit.errors import RookeryError
from rookery_kit.postgres import Database

_FLUSH_SECONDS = 1.0
_MAX_PENDING = 10_000
_BATCH = 500
_log = structlog.get_logger(__name__)

_Likeness = tuple[str, str, str, str, str, str]


@dataclass(slots=True)
class _Pending:
    event: AuditEvent
    times: int = 1


class AuditTrail:
    """Takes audit events. `on_stored` is called when some have reached the outbox."""

    def __init__(self, database: Database, on_stored: Callable[[], None]) -> None:
        self._database = database
        self._on_stored = on_stored
        self._pending: dict[_Likeness, _Pending] = {}
        self._dropped = 0

    async def record(self, event: AuditEvent) -> None:
        """Stores an event: with the change it tells of where that is a shared transaction, else in one of its own."""
        async with self._database.transaction(event.tenant) as connection:
            await append_all(connection, [event.outgoing()])
        self._database.after_commit(self._on_stored)

    def note(self, event: AuditEvent) -> None:
        """Takes an event of which no transaction tells, such as a denial; it is stored within about a second.

        Like ones in that time become one, with their number as the detail `times`: who is refused a thousand times a
        second fills neither memory nor log. A service that is killed loses what it has not stored of these.
        """
        likeness = (event.tenant, event.actor, event.action, event.resource, event.outcome.name, event.reason)
        known = self._pending.get(likeness)
        if known is not None:
            known.times += 1
        elif len(self._pending) < _MAX_PENDING:
            self._pending[likeness] = _Pending(event)
        else:
            self._dropped += 1

    async def run(self) -> None:
        """Stores what was noted, until cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            try:
                await self.flush()
            except RookeryError as error:
                _log.warning("audit events wait", reason=error.reason, waiting=len(self._pending))

    async def flush(self) -> None:
        """Stores what was noted. Raises DatabaseUnavailable, and keeps it then."""
        if self._dropped:
            _log.error("audit events dropped", number=self._dropped)
            self._dropped = 0
        while self._pending:
            batch = list(self._pending.items())[:_BATCH]
            async with self._database.system_transaction() as connection:
                await append_all(connection, [_counted(pending).outgoing() for _, pending in batch])
            for likeness, _ in batch:
                del self._pending[likeness]
            self._on_stored()


def _counted(pending: _Pending) -> AuditEvent:
    if pending.times == 1:
        return pending.event
    return replace(pending.event, details={**pending.event.details, "times": str(pending.times)})
