"""Why a call is not admitted."""

from rookery_kit.errors import ResourceExhausted, Unavailable


class RateLimited(ResourceExhausted):
    """The caller is too fast; nothing was done. After `retry_after` seconds there is room again."""

    reason = "RATE_LIMITED"


class RateLimiterUnavailable(Unavailable):
    """What other replicas admit is not known, and the setting is to refuse rather than to exceed a limit."""

    reason = "RATE_LIMITER_UNAVAILABLE"
