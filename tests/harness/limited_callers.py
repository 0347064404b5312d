"""Callers for tests of rate limits, and a clock that stands still until it is moved."""

from datetime import UTC, datetime

from rookery_kit.errors import RookeryError
from rookery_kit.identity import Principal
from rookery_kit.rate_limits import OutagePolicy, RateLimiter


class HeldClock:
    """Tells the time that the test has set, in seconds."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


class RatesOf:
    """What each tenant may do per second; the ones that are not named have no limit."""

    def __init__(self, **rates: int) -> None:
        self.rates = rates

    def requests_per_second(self, tenant: str) -> int:
        return self.rates.get(tenant, 0)


def caller(
    subject: str = "agent:1", tenant: str = "default", key: str | None = None, key_rate: int | None = None
) -> Principal:
    """A principal; `key` is the API key that its token was issued through."""
    return Principal(
        subject=subject,
        tenant=tenant,
        roles=(),
        permissions=frozenset(),
        token_id="token",
        expires_at=datetime.max.replace(tzinfo=UTC),
        session_ids=(key,) if key else (),
        key_rate=key_rate,
    )


def limiter(
    clock: HeldClock,
    *,
    rate: int = 0,
    tenants: RatesOf | None = None,
    outage: OutagePolicy = "open",
    reconciled: bool = True,
    most_buckets: int = 1000,
) -> RateLimiter:
    """A limiter of one replica."""
    made = RateLimiter(
        principal_rate=rate,
        tenants=tenants or RatesOf(),
        outage=outage,
        monotonic=clock.monotonic,
        most_buckets=most_buckets,
    )
    made.reconciled = reconciled
    return made


def refused(limits: RateLimiter, principal: Principal) -> RookeryError | None:
    """Why a call is refused; None where it is admitted."""
    return limits.decide(principal)[1]


def admitted(limits: RateLimiter, principal: Principal, offered: int) -> int:
    """How many of so many calls are admitted at this moment."""
    return sum(refused(limits, principal) is None for _ in range(offered))
