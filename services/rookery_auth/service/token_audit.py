"""What the audit log is told of tokens."""

from rookery_kit.audit import AuditEvent, AuditOutcome, AuditTrail
from rookery_kit.clock import Clock
from rookery_kit.identity import Principal
from rookery_kit.tracing import current_traceparent

from rookery_auth.model import DelegationRefused, Grant, RefreshFamily, RefreshTokenReused, SignedToken
from rookery_auth.store import TokenEventStore

ISSUED = "token.issued"
DELEGATED = "token.delegated"
DELEGATION_PERMITTED = "token.delegation_permitted"
REFRESHED_AGAIN = "token.refresh_reused"


class TokenAudit:
    """Writes of every token that is issued, and of every refusal that tells of a theft or a mistake."""

    def __init__(self, events: TokenEventStore, trail: AuditTrail, clock: Clock) -> None:
        self._events = events
        self._trail = trail
        self._clock = clock

    async def issued(self, grant: Grant, signed: SignedToken, credential: str) -> None:
        """A credential earned a token; `credential` names it, such as `api_keys/<id>`."""
        await self._events.record(self._of(grant, signed, ISSUED, {"credential": credential}))

    async def delegated(self, grant: Grant, signed: SignedToken) -> None:
        """A token was issued with which one acts for another, or that permits it; the chain is in `delegates`."""
        if grant.may_act:
            event = self._of(grant, signed, DELEGATION_PERMITTED, {"may_act": grant.may_act})
        else:
            event = self._of(grant, signed, DELEGATED, {"scope": " ".join(sorted(grant.permissions))[:1000]})
        await self._events.record(event)

    def delegation_refused(self, subject: Principal, why: str) -> None:
        """Somebody wanted to act for a subject and was refused."""
        self._trail.note(
            AuditEvent(
                tenant=subject.tenant,
                actor=subject.subject,
                action=DELEGATED,
                resource=f"subjects/{subject.subject}",
                outcome=AuditOutcome.DENIED,
                event_time=self._clock.now(),
                service="auth",
                trace_id=_trace_id(),
                reason=DelegationRefused.reason,
                delegates=subject.actors,
                token_id=subject.token_id,
                details={"why": why},
            )
        )

    async def reused(self, family: RefreshFamily) -> None:
        """A refresh token came a second time, and its family is revoked."""
        await self._events.record(
            AuditEvent(
                tenant=family.identity.tenant,
                actor=family.identity.subject,
                action=REFRESHED_AGAIN,
                resource=f"refresh_families/{family.id}",
                outcome=AuditOutcome.DENIED,
                event_time=self._clock.now(),
                service="auth",
                trace_id=_trace_id(),
                reason=RefreshTokenReused.reason,
            )
        )

    def _of(self, grant: Grant, signed: SignedToken, action: str, details: dict[str, str]) -> AuditEvent:
        return AuditEvent(
            tenant=grant.tenant,
            actor=grant.subject,
            action=action,
            resource=f"tokens/{signed.token_id}",
            outcome=AuditOutcome.SUCCEEDED,
            event_time=self._clock.now(),
            service="auth",
            trace_id=_trace_id(),
            delegates=grant.actors,
            token_id=signed.token_id,
            details=details,
        )


def _trace_id() -> str:
    parts = current_traceparent().split("-")
    return parts[1] if len(parts) == 4 else ""
