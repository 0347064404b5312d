"""What auth takes from the bus: audit events, and reports that a service has erased a tenant."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from rookery.auth.v1 import audit_pb2
from rookery.events.v1 import audit_record_pb2, tenant_event_pb2
from rookery_kit.audit.event import AUDIT_EVENT
from rookery_kit.bus import Bus, Durable, Event
from rookery_kit.bus.subjects import event_subject
from rookery_kit.errors import RookeryError
from rookery_kit.identity import TENANT
from rookery_kit.postgres import Connection
from rookery_kit.rpc.nul_text import nul_paths

from rookery_auth.postgres import PostgresAudit, PostgresTenants

AUDIT_DURABLE = "auth-audit"
ERASURE_DURABLE = "auth-tenant-erasure"
ERASURE_REPORTS = event_subject("*", "tenant_erasure", "*")
_EVENTS = Durable("EVENT", AUDIT_DURABLE, event_subject("*", AUDIT_EVENT, "*"), 256)
_RETRY_SECONDS = 0.5
_OUTCOMES = frozenset(audit_pb2.AuditOutcome.values()) - {audit_pb2.AUDIT_OUTCOME_UNSPECIFIED}
_log = structlog.get_logger(__name__)


class ErasureReports:
    """Takes note of the services that hold nothing of a tenant any more."""

    def __init__(self, tenants: PostgresTenants) -> None:
        self._tenants = tenants

    async def handle(self, connection: Connection, event: Event) -> None:
        """Takes one report in."""
        told = tenant_event_pb2.TenantErased.FromString(event.payload)
        await self._tenants.note_erased(connection, told.tenant, told.service, told.round)


class AuditIntake:
    """Writes the audit events of all services into the log, in batches.

    An event is acknowledged when it stands in the log, where its id stands once.
    """

    def __init__(self, bus: Bus, log: PostgresAudit) -> None:
        self._bus = bus
        self._audit_log = log

    async def run(self) -> None:
        """Takes events in until cancelled. Outages of the database and the bus are waited out."""
        await _EVENTS.read(self._bus, self.take)

    async def take(self, messages: Sequence[Msg]) -> None:
        """Writes a batch and acknowledges it. Raises DatabaseUnavailable; then all of it comes again."""
        events = [event for message in messages if (event := _event(message)) is not None]
        if events:
            try:
                await self._audit_log.append(events)
            except RookeryError:
                await asyncio.gather(*(message.nak(delay=_RETRY_SECONDS) for message in messages))
                raise
        await asyncio.gather(*(message.ack() for message in messages))


def _event(message: Msg) -> audit_pb2.AuditEvent | None:
    """The event in a message; None for one that no service of the suite has written, which cannot be kept."""
    try:
        event = audit_record_pb2.AuditRecord.FromString(message.data).event
        named = message.subject == event_subject(event.tenant, AUDIT_EVENT, str(UUID(event.id)))
    except (DecodeError, ValueError):
        named, event = False, audit_pb2.AuditEvent()
    if not named or not TENANT.fullmatch(event.tenant) or event.outcome not in _OUTCOMES or any(nul_paths(event)):
        _log.error("not an audit event", subject=message.subject, size=len(message.data))
        return None
    event.event_time.FromMicroseconds(event.event_time.ToMicroseconds())
    event.ClearField("link")
    return event
