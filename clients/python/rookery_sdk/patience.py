"""Repeating a call until it goes through or patience ends. Only for calls that take effect once however often sent."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rookery_sdk.backoff import Backoff
from rookery_sdk.errors import DeadlineExceeded, ResourceExhausted, RookeryError, Unavailable

T = TypeVar("T")
RENEWABLE = frozenset({"TOKEN_EXPIRED", "TOKEN_INVALID", "TOKEN_REVOKED"})
"""Told about a token that is no longer accepted, also while a stream is open; the next call carries a new one."""


def passes(error: RookeryError) -> bool:
    """Whether the same call may well succeed a moment later."""
    if error.reason:
        # A service that expects to be better soon says when.
        return isinstance(error, Unavailable | ResourceExhausted) and error.detail.retry_after is not None
    # Without a reason it was not the service that answered: the connection was lost, or its process was.
    return isinstance(error, Unavailable | DeadlineExceeded) or error.code == "CANCELLED"


async def patiently(attempt: Callable[[], Awaitable[T]], *, patience: float, backoff: Backoff | None = None) -> T:
    """The answer of the first attempt that goes through.

    An attempt whose error passes is repeated after a wait, for `patience` seconds; then its error is raised. Every
    other error is raised at once.
    """
    give_up = time.monotonic() + patience
    backoff = backoff or Backoff()
    while True:
        try:
            return await attempt()
        except RookeryError as error:
            wait = backoff.next(at_least=error.detail.retry_after or 0.0)
            if not passes(error) or time.monotonic() + wait > give_up:
                raise
        await asyncio.sleep(wait)
