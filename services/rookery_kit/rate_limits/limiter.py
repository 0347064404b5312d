"""Who may go on, and who is too fast."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

from rookery_kit.errors import RookeryError
from rookery_kit.identity import Principal
from rookery_kit.rate_limits.bucket import BucketKey, Headers, Scope, TokenBucket
from rookery_kit.rate_limits.buckets import Buckets
from rookery_kit.rate_limits.refusals import RateLimited, RateLimiterUnavailable
from rookery_kit.rate_limits.tenant_rates import TenantRates

OutagePolicy = Literal["open", "closed"]
"""What to do while replicas do not hear of each other: go on, each by itself, or refuse what has a limit."""

Decision = tuple[Headers, RookeryError | None]
"""What the caller is told of its limit, and why it is refused; None: it is admitted."""

Usage = tuple[BucketKey, int, int]
"""A limit, how many requests were admitted against it, and its requests per second."""

_MOST_BUCKETS = 50_000
_RETRY_SECONDS = 1.0
_UNLIMITED: Decision = ((), None)


class RateLimiter:
    """Admits a call when every limit on its caller does: that of the principal, of its API key, of its tenant.

    Where one acts for another, the call counts for the one that acts.

    `principal_rate` is in requests per second, 0 for no limit. Each replica starts with whole limits, and takes off
    what the others tell. `due` is set while there is something to tell them.
    """

    def __init__(
        self,
        *,
        principal_rate: int,
        tenants: TenantRates,
        outage: OutagePolicy,
        monotonic: Callable[[], float],
        most_buckets: int = _MOST_BUCKETS,
    ) -> None:
        self._principal_rate = principal_rate
        self._tenants = tenants
        self._closed = outage == "closed"
        self._monotonic = monotonic
        self._buckets = Buckets(most_buckets)
        self._untold: list[TokenBucket] = []
        self._reconciled = False
        self.refused: dict[Scope | Literal["outage"], int] = {"principal": 0, "key": 0, "tenant": 0, "outage": 0}
        self.due = asyncio.Event()

    @property
    def reconciled(self) -> bool:
        """Whether the replicas hear of each other, so that limits hold over all of them."""
        return self._reconciled

    @reconciled.setter
    def reconciled(self, reconciled: bool) -> None:
        # What was admitted while nobody listened is forgiven, not held against the caller later.
        for bucket in self._buckets:
            bucket.unreported = 0
        self._untold.clear()
        self._reconciled = reconciled

    @property
    def refusing(self) -> bool:
        """Whether calls are refused because the replicas do not hear of each other."""
        return self._closed and not self._reconciled

    def decide(self, principal: Principal) -> Decision:
        """Counts a call of the principal if it is admitted. One that is refused costs no limit anything."""
        buckets = self._limits_on(principal, self._monotonic())
        if not buckets:
            return _UNLIMITED
        if self._closed and not self._reconciled:
            self.refused["outage"] += 1
            text = "requests cannot be counted over all replicas at the moment"
            return (), RateLimiterUnavailable(text, retry_after=_RETRY_SECONDS)
        tightest = buckets[0]
        for bucket in buckets:
            if bucket.level < 1:
                return self._refuse(buckets)
            if bucket.level < tightest.level:
                tightest = bucket
        for bucket in buckets:
            bucket.level -= 1
            if self._reconciled:
                bucket.unreported += 1
                if bucket.unreported == bucket.report_from:
                    self._untold.append(bucket)
                    self.due.set()
        return tightest.news(), None

    def _limits_on(self, principal: Principal, now: float) -> list[TokenBucket]:
        buckets, tenant = [], principal.tenant
        if rate := self._principal_rate:
            buckets.append(self._buckets.at(("principal", tenant, principal.acting), rate, now))
        if (key_rate := principal.key_rate) and principal.session_ids:
            buckets.append(self._buckets.at(("key", tenant, principal.session_ids[0]), key_rate, now))
        if tenant_rate := self._tenants.requests_per_second(tenant):
            buckets.append(self._buckets.at(("tenant", tenant, ""), tenant_rate, now))
        return buckets

    def _refuse(self, buckets: Sequence[TokenBucket]) -> Decision:
        empty = [bucket for bucket in buckets if bucket.level < 1]
        slowest = max(empty, key=TokenBucket.wait)
        self.refused[slowest.key[0]] += 1
        violations = tuple((_subject(bucket.key), f"{bucket.rate} requests per second") for bucket in empty)
        text = "; ".join(f"{subject}: more than {limit}" for subject, limit in violations)
        return slowest.headers(), RateLimited(text, retry_after=slowest.wait(), quota_violations=violations)

    def charge(self, usage: Usage) -> None:
        """Takes off what another replica admitted."""
        key, requests, rate = usage
        self._buckets.at(key, rate, self._monotonic()).charge(requests)

    def take_usage(self) -> list[Usage]:
        """What to tell the other replicas: asked a second time, it is not told again."""
        usage = [(bucket.key, bucket.unreported, bucket.rate) for bucket in self._untold]
        for bucket in self._untold:
            bucket.unreported = 0
        self._untold.clear()
        self.due.clear()
        return usage


def _subject(key: BucketKey) -> str:
    """Whose limit it is, as QuotaFailure names it."""
    scope, tenant, name = key
    return f"{scope}:{name or tenant}"
