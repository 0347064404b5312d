"""Which verified tokens are accepted, by what auth said last."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rookery_kit.identity import Principal
from rookery_kit.identity_feed import (
    Admission,
    IdentityStale,
    Quotas,
    Revocation,
    RevocationKind,
    TenantState,
    TenantSuspended,
    TokenRevoked,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ISSUED = NOW.timestamp()
CALLER = Principal(
    subject="agent:a",
    tenant="acme",
    roles=("agent", "tester"),
    permissions=frozenset({"tasks:work"}),
    token_id="token",
    expires_at=NOW + timedelta(minutes=10),
    issued_at=ISSUED,
    session_ids=("family", "key"),
    actors=("agent:b", "agent:c"),
)


class SteppedClock:
    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed


def revocation(kind: RevocationKind, target: str, **changes: object) -> Revocation:
    made = Revocation(tenant="acme", kind=kind, target=target, revoke_time=ISSUED + 1, expire_time=ISSUED + 600)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def admission(clock: SteppedClock) -> Admission:
    return Admission(clock, stale_after=300)


BY_TARGET = [
    (RevocationKind.TOKEN, "token"),
    (RevocationKind.SESSION, "family"),
    (RevocationKind.SESSION, "key"),
    (RevocationKind.SUBJECT, "agent:a"),
    (RevocationKind.SUBJECT, "agent:b"),
    (RevocationKind.SUBJECT, "agent:c"),
    (RevocationKind.ROLE, "tester"),
]


@pytest.mark.capability("A2")
@pytest.mark.parametrize(("kind", "target"), BY_TARGET)
def test_a_token_falls_with_whatever_it_was_earned_through(
    admission: Admission, kind: RevocationKind, target: str
) -> None:
    admission.admit(CALLER)
    admission.revocations.apply(revocation(kind, target))
    with pytest.raises(TokenRevoked):
        admission.admit(CALLER)


@pytest.mark.parametrize(("kind", "target"), BY_TARGET)
def test_a_token_issued_after_the_revocation_passes(admission: Admission, kind: RevocationKind, target: str) -> None:
    admission.revocations.apply(revocation(kind, target))
    admission.admit(replace(CALLER, issued_at=ISSUED + 1.001))


@pytest.mark.parametrize(("kind", "target"), BY_TARGET)
def test_a_revocation_of_another_tenant_touches_nobody(admission: Admission, kind: RevocationKind, target: str) -> None:
    admission.revocations.apply(revocation(kind, target, tenant="other"))
    admission.admit(CALLER)


def test_of_two_revocations_of_one_target_the_later_holds_in_whatever_order_they_come(admission: Admission) -> None:
    later = revocation(RevocationKind.SUBJECT, "agent:a", revoke_time=ISSUED + 5)
    admission.revocations.apply(later)
    admission.revocations.apply(revocation(RevocationKind.SUBJECT, "agent:a"))
    with pytest.raises(TokenRevoked):
        admission.admit(replace(CALLER, issued_at=ISSUED + 3))


def test_revocations_are_forgotten_when_their_tokens_have_expired(admission: Admission) -> None:
    admission.revocations.apply(revocation(RevocationKind.TOKEN, "token"))
    admission.revocations.forget_expired(ISSUED + 599)
    assert len(admission.revocations) == 1
    admission.revocations.forget_expired(ISSUED + 600)
    assert len(admission.revocations) == 0


@pytest.mark.capability("A6")
def test_a_suspended_tenant_is_refused_until_it_is_resumed(admission: Admission) -> None:
    admission.tenants.apply(TenantState("acme", suspended=True, revision=2))
    with pytest.raises(TenantSuspended):
        admission.admit(CALLER)
    admission.admit(replace(CALLER, tenant="other"))
    admission.tenants.apply(TenantState("acme", revision=3))
    admission.admit(CALLER)


def test_an_older_state_of_a_tenant_changes_nothing(admission: Admission) -> None:
    admission.tenants.apply(TenantState("acme", quotas=Quotas(requests_per_second=5), revision=2))
    admission.tenants.apply(TenantState("acme", suspended=True, revision=1))
    admission.admit(CALLER)
    assert admission.tenants.requests_per_second("acme") == 5
    assert admission.tenants.requests_per_second("unheard-of") == 0


def test_when_auth_was_not_heard_for_too_long_nobody_is_admitted_until_it_is(
    admission: Admission, clock: SteppedClock
) -> None:
    clock.passed = 300
    admission.admit(CALLER)
    clock.passed = 301
    with pytest.raises(IdentityStale):
        admission.admit(CALLER)
    admission.heard()
    admission.admit(CALLER)
