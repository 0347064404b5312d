"""AuditService."""

from rookery.auth.v1 import audit_pb2, audit_service_pb2, audit_service_pb2_grpc
from rookery_kit.rpc import Call

from rookery_auth.model import LoggedEvent
from rookery_auth.service.read_audit import AuditQuery, ReadAudit


class AuditRpc(audit_service_pb2_grpc.AuditServiceServicer):
    """Serves AuditService."""

    def __init__(self, read: ReadAudit) -> None:
        self._read = read

    async def ListAuditEvents(
        self, request: audit_service_pb2.ListAuditEventsRequest, context: object
    ) -> audit_service_pb2.ListAuditEventsResponse:
        """Lists events of the caller's tenant."""
        query = AuditQuery(
            tenant=Call.of(context).principal.tenant,
            filter=request.filter,
            oldest_first=request.oldest_first,
            size=request.page_size,
            token=request.page_token,
        )
        events, token = await self._read.page(query)
        return audit_service_pb2.ListAuditEventsResponse(
            events=[encode_event(event) for event in events], next_page_token=token
        )


def encode_event(logged: LoggedEvent) -> audit_pb2.AuditEvent:
    """The event as callers see it, with its link."""
    event = logged.event
    return audit_pb2.AuditEvent(
        id=event.id,
        tenant=event.tenant,
        actor=event.actor,
        delegates=event.delegates,
        action=event.action,
        resource=event.resource,
        outcome=f"AUDIT_OUTCOME_{event.outcome.name}",
        reason=event.reason,
        token_id=event.token_id,
        trace_id=event.trace_id,
        event_time=event.event_time,
        details=event.details,
        service=event.service,
        link=audit_pb2.AuditLink(sequence=logged.sequence, previous_hash=logged.previous_hash, hash=logged.hash),
    )
