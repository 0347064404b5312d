"""Whether a verified token is accepted at this moment."""

from rookery_kit.clock import Clock
from rookery_kit.errors import PermissionDenied, Unauthenticated, Unavailable
from rookery_kit.identity import Principal
from rookery_kit.identity_feed.revocations import Revocations
from rookery_kit.identity_feed.tenant_states import TenantStates


class TokenRevoked(Unauthenticated):
    """The token was good, and has been revoked."""

    reason = "TOKEN_REVOKED"

    def __init__(self) -> None:
        super().__init__("the token is revoked; earn a new one")


class TenantSuspended(PermissionDenied):
    """The caller's tenant is suspended or being deleted."""

    reason = "TENANT_SUSPENDED"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"the tenant {tenant} is suspended", tenant=tenant)


class IdentityStale(Unavailable):
    """Nothing was heard from auth for so long that a revoked token might pass; so none does."""

    reason = "IDENTITY_STALE"


class Admission:
    """Refuses tokens that are revoked, tokens of suspended tenants, and all when auth was not heard for too long.

    `stale_after` is in seconds. What was heard first counts from the construction: a service that starts has just
    fetched the keys.
    """

    def __init__(self, clock: Clock, *, stale_after: float) -> None:
        self.revocations = Revocations()
        self.tenants = TenantStates()
        self._clock = clock
        self._stale_after = stale_after
        self._heard_at = clock.monotonic()

    def heard(self) -> None:
        """Auth was heard at this moment, and everything it said before is known."""
        self._heard_at = self._clock.monotonic()

    @property
    def silence(self) -> float:
        """Seconds since auth was heard."""
        return self._clock.monotonic() - self._heard_at

    def admit(self, principal: Principal) -> None:
        """Passes, or raises TokenRevoked, TenantSuspended or IdentityStale."""
        if self.revocations.revokes(principal):
            raise TokenRevoked
        if self.tenants.suspended(principal.tenant):
            raise TenantSuspended(principal.tenant)
        if self.silence > self._stale_after:
            raise IdentityStale(f"auth was not heard for {self.silence:.0f} s; no token is accepted until it is")
