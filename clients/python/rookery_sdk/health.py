"""How this agent fares: what it reports of itself with its heartbeats."""

import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from rookery.registry.v1 import agent_health_pb2

P = ParamSpec("P")
R = TypeVar("R")
_WINDOW_SECONDS = 60.0
_STATM = Path("/proc/self/statm")


@dataclass(slots=True)
class _Second:
    """What ended within one second."""

    began: float
    handled: int = 0
    seconds: float = 0.0
    failed: int = 0


class HealthMeter:
    """Counts what handlers do; rates and means are over the last minute, which is all that is remembered.

    `capacity` is how many handlers may run at a time. `clock` and `processor` answer seconds: the time, and the
    processor time that this process has used.
    """

    def __init__(
        self,
        capacity: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.process_time,
        memory: Callable[[], int] | None = None,
    ) -> None:
        self._capacity = capacity
        self._clock = clock
        self._processor = processor
        self._memory = memory or resident_bytes
        self._handled = 0
        self._in_flight = 0
        self._seconds: deque[_Second] = deque()
        self._processor_at: deque[tuple[float, float]] = deque([(clock(), processor())])

    def counting(
        self, handle: Callable[P, Awaitable[R]], failed: Callable[[R], bool]
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        """The same handling, counted; `failed` tells by its outcome. One that is cancelled counts for nothing."""

        async def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            began = self._clock()
            self._in_flight += 1
            try:
                outcome = await handle(*args, **kwargs)
            finally:
                self._in_flight -= 1
            self._count(self._clock() - began, failed=failed(outcome))
            return outcome

        return counted

    def metrics(self) -> agent_health_pb2.HealthMetrics:
        """The present figures."""
        now = self._clock()
        self._forget(now)
        handled = sum(second.handled for second in self._seconds)
        busy = sum(second.seconds for second in self._seconds)
        failures = sum(second.failed for second in self._seconds)
        return agent_health_pb2.HealthMetrics(
            requests_handled=self._handled,
            mean_response_ms=busy / handled * 1000 if handled else 0.0,
            error_rate=failures / handled if handled else 0.0,
            cpu_fraction=self._cpu_fraction(now),
            memory_bytes=self._memory(),
            in_flight=self._in_flight,
            capacity=self._capacity,
        )

    def _count(self, seconds: float, *, failed: bool) -> None:
        now = self._clock()
        if not self._seconds or now - self._seconds[-1].began >= 1:
            self._forget(now)
            self._seconds.append(_Second(now))
        latest = self._seconds[-1]
        latest.handled += 1
        latest.seconds += seconds
        latest.failed += failed
        self._handled += 1

    def _forget(self, now: float) -> None:
        while self._seconds and now - self._seconds[0].began > _WINDOW_SECONDS:
            self._seconds.popleft()

    def _cpu_fraction(self, now: float) -> float:
        used = self._processor()
        while len(self._processor_at) > 1 and now - self._processor_at[0][0] > _WINDOW_SECONDS:
            self._processor_at.popleft()
        since, used_then = self._processor_at[0]
        if now - self._processor_at[-1][0] >= 1:
            self._processor_at.append((now, used))
        return max(0.0, (used - used_then) / (now - since)) if now > since else 0.0


def resident_bytes() -> int:
    """The resident memory of this process; 0 where the system does not tell."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
