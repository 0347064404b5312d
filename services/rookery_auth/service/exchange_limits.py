"""How often credentials may be exchanged."""

from rookery_kit.clock import Clock
from rookery_kit.identity import Principal
from rookery_kit.rate_limits import RateLimiter


class ExchangeLimits:
    """Counts exchanges against the limits that the calls made with the tokens count against.

    Whoever exchanges a credential has no token yet, so the pipeline cannot count it. Each method raises RateLimited, or
    RateLimiterUnavailable.
    """

    def __init__(self, limiter: RateLimiter, clock: Clock) -> None:
        self._limiter = limiter
        self._clock = clock

    def count(self, tenant: str, subject: str, key_id: str = "", key_rate: int | None = None) -> None:
        """A subject exchanges a credential: the API key, if it is one, of an id with a rate."""
        holder = Principal(
            subject=subject,
            tenant=tenant,
            roles=(),
            permissions=frozenset(),
            token_id="",
            expires_at=self._clock.now(),
            session_ids=(key_id,) if key_id else (),
            key_rate=key_rate,
        )
        self.count_call(holder)

    def count_call(self, holder: Principal) -> None:
        """The holder of a token exchanges it."""
        _, refusal = self._limiter.decide(holder)
        if refusal is not None:
            raise refusal
