"""Keeps a number of calls on their way from within this process, bounded in time and in count."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Answered:
    """How many calls were answered in how many seconds, and the median latency of one."""

    count: int
    seconds: float
    p50_ms: float


async def keep_going(call: Callable[[], Awaitable[object]], *, in_flight: int, seconds: float, most: int) -> Answered:
    """Calls, `in_flight` at a time, until `seconds` have passed or `most` calls were made."""
    latencies: list[float] = []
    begun = time.perf_counter()
    left = most

    async def caller() -> None:
        nonlocal left
        while left > 0 and time.perf_counter() - begun < seconds:
            left -= 1
            sent_at = time.perf_counter()
            await call()
            latencies.append(time.perf_counter() - sent_at)

    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return Answered(len(latencies), time.perf_counter() - begun, median(latencies) * 1000)
