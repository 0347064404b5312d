"""Work joins the trace of whoever asked for it: calls made by a handler carry the trace context it was given."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

KEY = "traceparent"
_current: ContextVar[str] = ContextVar("rookery_traceparent", default="")


@contextmanager
def joined(traceparent: str) -> Iterator[None]:
    """Within, the calls of this asyncio task and of those it starts belong to the given trace; empty: to none."""
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)


def trace_metadata() -> tuple[tuple[str, str], ...]:
    """What a call carries so that it belongs to the present trace."""
    traceparent = _current.get()
    return ((KEY, traceparent),) if traceparent else ()
