"""What the audit log is told about calls."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from rookery_kit.audit import AuditEvent, AuditOutcome, AuditTrail
from rookery_kit.audit.resource import AuditedResource
from rookery_kit.clock import Clock
from rookery_kit.errors import PermissionDenied, RookeryError
from rookery_kit.identity import Principal
from rookery_kit.postgres import Database
from rookery_kit.rpc.call import Call
from rookery_kit.rpc.policy import MethodPolicy
from rookery_kit.tracing import current_traceparent

Handler = Callable[[Any, Any], Awaitable[Any]]


class CallAudit:
    """Tells the audit log of calls to audited methods, and of every denial."""

    def __init__(self, trail: AuditTrail, database: Database, clock: Clock, service: str) -> None:
        self._trail = trail
        self._database = database
        self._clock = clock
        self._service = service

    def denied(self, policy: MethodPolicy, principal: Principal, error: PermissionDenied) -> None:
        """Notes that a caller may not call a method, or not in this way."""
        self._trail.note(self._event(policy, principal, "", AuditOutcome.DENIED, error.reason))

    def around(self, policy: MethodPolicy, handler: Handler) -> Handler:
        """The handler of an audited method: what it does and what the log is told of it are one transaction."""
        assert policy.audit
        resource = AuditedResource(policy.audit, policy.request_class, policy.response_class)

        async def audited(request: Any, call: Call) -> Message:  # noqa: ANN401 -- any request of any method
            principal = call.principal
            try:
                async with self._database.shared_transaction(principal.tenant):
                    answer: Message = await handler(request, call)
                    name = resource.name(request, answer)
                    await self._trail.record(self._event(policy, principal, name, AuditOutcome.SUCCEEDED))
            except RookeryError as error:
                outcome = AuditOutcome.DENIED if isinstance(error, PermissionDenied) else AuditOutcome.FAILED
                self._trail.note(self._event(policy, principal, resource.name(request), outcome, error.reason))
                raise
            return answer

        return audited

    def _event(
        self, policy: MethodPolicy, principal: Principal, resource: str, outcome: AuditOutcome, reason: str = ""
    ) -> AuditEvent:
        return AuditEvent(
            tenant=principal.tenant,
            actor=principal.subject,
            delegates=principal.actors,
            action=policy.name,
            resource=resource,
            outcome=outcome,
            reason=reason,
            token_id=principal.token_id,
            trace_id=_trace_id(current_traceparent()),
            event_time=self._clock.now(),
            service=self._service,
        )


def _trace_id(traceparent: str) -> str:
    return traceparent.split("-")[1] if traceparent else ""
