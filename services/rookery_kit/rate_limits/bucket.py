"""A token bucket: what one limit still admits, here and at all other replicas together.

The sum that N replicas admit is at most rate * time + burst, plus what they admit before they hear of each other:
what was too much becomes a debt, and is paid back before anything more is admitted.
"""

from math import ceil
from typing import Literal

Scope = Literal["principal", "key", "tenant"]
BucketKey = tuple[Scope, str, str]
"""Whose requests a limit counts, the tenant, and the subject or the id of the key (empty for the tenant itself)."""
Headers = tuple[tuple[str, str], ...]

# A quarter of a second's worth, so that three replicas emptied in the same instant stay within 10 % over 10 s.
_BURST_SECONDS = 0.25
# More than that is not paid back, so that no report can shut a caller out for long.
_DEBT_SECONDS = 3.0
_DEBT_REQUESTS = 32.0
# Less than that need not be told: so much is uncertain at each replica.
_REPORTED_SHARE = 0.01
# Who has more than that share left is told where it stands so often, and others with each answer: a header takes both
# ends together as much as a tenth of a call.
_TOLD_EVERY_SECONDS = 0.05
_SCARCE_SHARE = 0.75


class TokenBucket:
    """Holds `level` tokens at the time of the last `refill`; below 0 it is in debt.

    `unreported` counts what was taken and the other replicas do not know. Times are monotonic seconds.
    """

    __slots__ = ("_at", "_tell_at", "burst", "key", "level", "rate", "report_from", "unreported")

    def __init__(self, key: BucketKey, rate: int, now: float) -> None:
        self.key = key
        self.unreported = 0
        self._at = now
        self._tell_at = now
        self._set_rate(rate)
        self.level = self.burst

    def retune(self, rate: int) -> None:
        """Goes on at another rate with what is left."""
        self._set_rate(rate)
        self.level = min(self.level, self.burst)

    def _set_rate(self, rate: int) -> None:
        self.rate = rate
        self.burst = rate * _BURST_SECONDS + 1
        self.report_from = max(1, int(rate * _REPORTED_SHARE))

    def refill(self, now: float) -> None:
        """Adds what has come in since the last time, up to the burst."""
        level = self.level + (now - self._at) * self.rate
        self.level = min(self.burst, level)
        self._at = now

    def charge(self, requests: int) -> None:
        """Takes off what another replica admitted, down to the greatest debt."""
        self.level = max(self.level - requests, -(self.rate * _DEBT_SECONDS + _DEBT_REQUESTS))

    def wait(self) -> float:
        """Seconds until there is a token; 0 when there is one."""
        return max(0.0, (1 - self.level) / self.rate)

    def news(self) -> Headers:
        """As `headers`, or nothing where the caller was told a moment ago and has most of it left."""
        if self._at < self._tell_at and self.level > self.burst * _SCARCE_SHARE:
            return ()
        self._tell_at = self._at + _TOLD_EVERY_SECONDS
        return self.headers()

    def headers(self) -> Headers:
        """The limit per second, how many requests are admitted at this moment, and in how many seconds it is full.

        One header, because gRPC takes a microsecond and more for each.
        """
        remaining, reset = max(0, int(self.level)), ceil((self.burst - self.level) / self.rate)
        return (("ratelimit", f"limit={self.rate}, remaining={remaining}, reset={reset}"),)
