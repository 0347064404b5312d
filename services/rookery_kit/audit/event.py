"""One thing that was done, or tried."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from rookery.auth.v1 import audit_pb2
from rookery.events.v1 import audit_record_pb2

from rookery_kit.bus.outbox import OutgoingEvent
from rookery_kit.bus.subjects import event_subject
from rookery_kit.clock import new_id

AUDIT_EVENT = "audit"
NOBODY = "-"


class AuditOutcome(Enum):
    """How it ended; the values are the names in `rookery.auth.v1.AuditOutcome`."""

    SUCCEEDED = "AUDIT_OUTCOME_SUCCEEDED"
    DENIED = "AUDIT_OUTCOME_DENIED"
    FAILED = "AUDIT_OUTCOME_FAILED"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """What `rookery.auth.v1.AuditEvent` says, but for its link. Holds no secret and no payload."""

    tenant: str
    actor: str
    action: str
    resource: str
    outcome: AuditOutcome
    event_time: datetime
    service: str
    reason: str = ""
    delegates: tuple[str, ...] = ()
    token_id: str = ""
    trace_id: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    id: str = field(default_factory=new_id)

    def outgoing(self) -> OutgoingEvent:
        """The event as it leaves by the outbox."""
        event = audit_pb2.AuditEvent(
            id=self.id,
            tenant=self.tenant,
            actor=self.actor,
            delegates=self.delegates,
            action=self.action,
            resource=self.resource,
            outcome=self.outcome.value,
            reason=self.reason,
            token_id=self.token_id,
            trace_id=self.trace_id,
            event_time=self.event_time,
            details=self.details,
            service=self.service,
        )
        payload = audit_record_pb2.AuditRecord(event=event).SerializeToString()
        return OutgoingEvent(event_subject(self.tenant, AUDIT_EVENT, self.id), payload, self.id)
