"""Erasing a tenant: what auth tells every service to do, and every service reports when it is done."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from graphlib import TopologicalSorter

import structlog
from nats.errors import Error as NatsError
from rookery.events.v1 import tenant_event_pb2

from rookery_kit.audit.event import AUDIT_EVENT
from rookery_kit.bus.connection import Bus
from rookery_kit.bus.consumer import Event, EventConsumer
from rookery_kit.bus.outbox import append
from rookery_kit.bus.refusals import BusUnavailable
from rookery_kit.bus.subjects import PREFIX, event_subject, revocation_subject
from rookery_kit.bus.topology import IDENTITY_STREAM, Topology
from rookery_kit.errors import Unavailable
from rookery_kit.foundation import Foundation
from rookery_kit.identity import TENANT
from rookery_kit.postgres import Connection

EVENT_STREAM = "EVENT"
TENANT_DELETION = "tenant_deletion"
TENANT_ERASURE = "tenant_erasure"
_KEPT_EVENTS = (AUDIT_EVENT, TENANT_DELETION, TENANT_ERASURE)
_SPARED = (EVENT_STREAM, IDENTITY_STREAM)
_log = structlog.get_logger(__name__)

_TABLES = """
SELECT c.oid, c.relname
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"""
_REFERENCES = """
SELECT conrelid, confrelid FROM pg_constraint
WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND conrelid <> confrelid"""
# What the audit log is to be told, and what auth and the services say of the erasure itself, still leaves.
_DROP_OUTGOING = """
DELETE FROM outbox
WHERE split_part(subject, '.', 2) = $1
    AND split_part(subject, '.', 3) <> 'identity'
    AND NOT (split_part(subject, '.', 3) = 'event' AND split_part(subject, '.', 4) = ANY($2::text[]))"""

EraseMore = Callable[[Connection, str], Awaitable[None]]


class StillServed(Unavailable):
    """The tenant's tokens are accepted here yet; what they might still write would outlast the erasure."""


class TenantErasure:
    """Erases tenants from a service: every row of every table of its schema that has a column `tenant`.

    Tables in `keep` are left alone. `erase_more` erases, in the same transaction, what else the service has: rows that
    are a tenant's without saying so, subjects on the bus. It may be called again for the same tenant.
    """

    def __init__(
        self, foundation: Foundation, service: str, *, keep: Collection[str] = (), erase_more: EraseMore | None = None
    ) -> None:
        self._foundation = foundation
        self._service = service
        self._keep = frozenset(keep)
        self._erase_more = erase_more
        self._consumer = EventConsumer(
            foundation.bus,
            foundation.database,
            durable=f"{service.replace('_', '-')}-tenant-deletion",
            filter_subject=event_subject("*", TENANT_DELETION, "*"),
            handle=self.handle,
        )

    async def run(self) -> None:
        """Erases what auth says, until cancelled. A tenant that cannot be erased now is tried again."""
        await self._consumer.run()

    async def handle(self, connection: Connection, event: Event) -> None:
        """Erases one tenant and reports it, in the transaction of the event. Raises StillServed, BusUnavailable."""
        told = tenant_event_pb2.TenantDeletion.FromString(event.payload)
        tenant = told.tenant
        if not TENANT.fullmatch(tenant) or event.subject != event_subject(tenant, TENANT_DELETION, tenant):
            _log.error("not the deletion of a tenant", subject=event.subject)
            return
        if not self._foundation.tenant_states.suspended(tenant):
            raise StillServed(f"the tenant {tenant} is served here yet", retry_after=1.0)
        rows = await self.erase(connection, tenant)
        report = tenant_event_pb2.TenantErased(tenant=tenant, service=self._service, round=told.round)
        subject = event_subject(tenant, TENANT_ERASURE, self._service)
        await append(connection, subject, report.SerializeToString(), f"{event.message_id}-{self._service}")
        self._foundation.relay.wake()
        _log.info("tenant erased", erased_tenant=tenant, round=told.round, rows=rows)

    async def erase(self, connection: Connection, tenant: str) -> int:
        """Erases one tenant within a transaction that sees it; answers how many rows that were."""
        rows = 0
        if self._erase_more is not None:
            await self._erase_more(connection, tenant)
        for table in await self._tables(connection):
            done = await connection.execute(f'DELETE FROM "{table}" WHERE tenant = $1', tenant)  # noqa: S608 -- a table's name
            rows += int(done.rpartition(" ")[2])
        await connection.execute(_DROP_OUTGOING, tenant, list(_KEPT_EVENTS))
        return rows

    async def _tables(self, connection: Connection) -> Sequence[str]:
        """The tables to empty, those that refer to others before these."""
        names = {row["oid"]: row["relname"] for row in await connection.fetch(_TABLES)}
        referring: dict[int, set[int]] = {table: set() for table in names}
        for row in await connection.fetch(_REFERENCES):
            if row["conrelid"] in names and row["confrelid"] in names:
                referring[row["confrelid"]].add(row["conrelid"])
        ordered = TopologicalSorter(referring).static_order()
        return [names[table] for table in ordered if names[table] not in self._keep]


def erase_from_bus(bus: Bus) -> EraseMore:
    """What the service that erases the bus does beside its own rows."""

    async def erase_more(_connection: Connection, tenant: str) -> None:
        await purge_tenant(bus, tenant)

    return erase_more


async def purge_tenant(bus: Bus, tenant: str) -> None:
    """Removes a tenant's mail, topics, dead letters and events from the bus. Raises BusUnavailable.

    What the audit log is to be told stays, what is said of the erasure itself, and that the tenant is not served.
    """
    everything = f"{PREFIX}.{tenant}.>"
    try:
        events = (await bus.jetstream.stream_info(EVENT_STREAM, subjects_filter=everything)).state.subjects or ()
        purged = [(EVENT_STREAM, event_subject(tenant, kind, "*")) for kind in _kinds(events)]
        purged.append((IDENTITY_STREAM, revocation_subject(tenant, "*")))
        purged += [(str(stream.name), everything) for stream in Topology().streams() if stream.name not in _SPARED]
        for stream, subject in purged:
            await bus.jetstream.purge_stream(stream, subject=subject)
    except (NatsError, OSError, TimeoutError) as error:
        raise BusUnavailable(f"the bus does not answer: {type(error).__name__}") from error


def _kinds(subjects: Iterable[str]) -> list[str]:
    """The kinds of events to remove, out of the subjects that there are."""
    return sorted({subject.split(".")[3] for subject in subjects}.difference(_KEPT_EVENTS))
