"""The way of audit events out of a service: through its outbox, so that none is lost once it is stored."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from rookery_kit.audit.event import NOBODY, AuditEvent, AuditOutcome
from rookery_kit.bus.outbox import append_all
from rookery_kit.errors import RookeryError
from rookery_kit.postgres import Database

_FLUSH_SECONDS = 1.0
MOST_OF_A_TENANT = 2_000
_DROPPED = "audit.events_dropped"
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
        self._waiting: Counter[str] = Counter()

    async def record(self, event: AuditEvent) -> None:
        """Stores an event: with the change it tells of where that is a shared transaction, else in one of its own."""
        async with self._database.transaction(event.tenant) as connection:
            await append_all(connection, [event.outgoing()])
        self._database.after_commit(self._on_stored)

    def note(self, event: AuditEvent) -> None:
        """Takes an event of which no transaction tells, such as a denial; it is stored within about a second.

        Like ones in that time become one, with their number as the detail `times`: who is refused a thousand times a
        second fills neither memory nor log. Of one tenant only so many different ones wait; instead of the others its
        log gets one event that counts them. A service that is killed loses what it has not stored of these.
        """
        likeness = _likeness(event)
        if likeness not in self._pending and self._waiting[event.tenant] >= MOST_OF_A_TENANT:
            event = _overflow(event)
            likeness = _likeness(event)
        known = self._pending.get(likeness)
        if known is not None:
            known.times += 1
        else:
            self._pending[likeness] = _Pending(event)
            self._waiting[event.tenant] += 1

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
        while self._pending:
            batch = list(self._pending.items())[:_BATCH]
            async with self._database.system_transaction() as connection:
                await append_all(connection, [_counted(pending).outgoing() for _, pending in batch])
            for likeness, stored in batch:
                del self._pending[likeness]
                self._waiting[stored.event.tenant] -= 1
                if stored.event.action == _DROPPED:
                    _log.error("audit events dropped", tenant=stored.event.tenant, number=stored.times)
            self._waiting = +self._waiting
            self._on_stored()


def _likeness(event: AuditEvent) -> _Likeness:
    return (event.tenant, event.actor, event.action, event.resource, event.outcome.name, event.reason)


def _overflow(event: AuditEvent) -> AuditEvent:
    """What stands in a tenant's log for the events that found no room."""
    return AuditEvent(
        tenant=event.tenant,
        actor=NOBODY,
        action=_DROPPED,
        resource="",
        outcome=AuditOutcome.FAILED,
        event_time=event.event_time,
        service=event.service,
        reason="RATE_LIMITED",
    )


def _counted(pending: _Pending) -> AuditEvent:
    if pending.times == 1:
        return pending.event
    return replace(pending.event, details={**pending.event.details, "times": str(pending.times)})
