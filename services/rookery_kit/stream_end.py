"""Why the task of a stream is cancelled: because its caller is gone, or because the service ends it."""

import asyncio
from typing import Any
from weakref import WeakSet

_ended_by_service: "WeakSet[asyncio.Task[Any]]" = WeakSet()


def end_by_service(stream: "asyncio.Task[Any]") -> None:
    """Cancels the task of a stream, of which nothing follows about its caller."""
    _ended_by_service.add(stream)
    stream.cancel()


def caller_is_gone() -> bool:
    """Whether the task that runs is cancelled, and not by the service.

    It tells so in a generator too that is closed because the cancellation met the task elsewhere, as while it wrote
    what the generator had yielded.
    """
    stream = asyncio.current_task()
    return stream is not None and stream.cancelling() > 0 and stream not in _ended_by_service
