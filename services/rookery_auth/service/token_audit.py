"""What the audit log is told of tokens."""

from collections.abc import Iterator
from contextlib import contextmanager

from rookery_kit.audit import AuditEvent, AuditOutcome, AuditTrail
from rookery_kit.clock import Clock
from rookery_kit.identity import Principal
from rookery_kit.identity_feed import TenantSuspended
from rookery_kit.tracing import current_traceparent

from rookery_auth.model import (
    CredentialInvalid,
    DelegationRefused,
    Grant,
    RefreshFamily,
    RefreshTokenReused,
    SignedToken,
)
from rookery_auth.store import TokenEventStore

ISSUED = "token.issued"
DELEGATED = "token.delegated"
DELEGATION_PERMITTED = "token.delegation_permitted"
REFRESHED_AGAIN = "token.refresh_reused"


class TokenAudit:
    """Writes of every token that is issued, and of every refusal of a credential that was good once."""

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

    def delegation_refused(self, subject: Principal, actor: Principal, why: str) -> None:
        """An actor wanted to act for a subject, or the subject itself to let another act, and was refused.

        The log of the subject's tenant says so.
        """
        elsewhere = {"actor_tenant": actor.tenant} if actor.tenant != subject.tenant else {}
        self._trail.note(
            AuditEvent(
                tenant=subject.tenant,
                actor=actor.subject,
                action=DELEGATED,
                resource=f"subjects/{subject.subject}",
                outcome=AuditOutcome.DENIED,
                event_time=self._clock.now(),
                service="auth",
                trace_id=_trace_id(),
                reason=DelegationRefused.reason,
                delegates=actor.actors,
                token_id=actor.token_id,
                details={"why": why, **elsewhere},
            )
        )

    @contextmanager
    def refusals(self, tenant: str, subject: str, credential: str) -> Iterator[None]:
        """Notes what the block refuses a credential for that is proven to be one of a tenant.

        `subject` is whom it speaks for, `credential` names it, such as `api_keys/<id>`.
        """
        try:
            yield
        except (CredentialInvalid, TenantSuspended) as error:
            event = AuditEvent(
                tenant=tenant,
                actor=subject,
                action=ISSUED,
                resource=credential,
                outcome=AuditOutcome.DENIED,
                event_time=self._clock.now(),
                service="auth",
                trace_id=_trace_id(),
                reason=error.reason,
            )
            self._trail.note(event)
            raise

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
