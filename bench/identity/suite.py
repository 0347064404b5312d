"""The suite `identity`: what it costs to know who calls, who is there, and who is alive."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from bench.identity import first_sight, heartbeats, rows
from bench.measure import Measure, OpenSuite
from bench.rpc import suite as rpc


@asynccontextmanager
async def _heartbeats() -> AsyncIterator[tuple[Measure, ...]]:
    async with heartbeats.open_measure() as measure:
        yield (measure,)


GROUPS: tuple[OpenSuite, ...] = (
    partial(rpc.open_suite, ("unary_c32",)),
    first_sight.open_measures,
    rows.open_measures,
    _heartbeats,
)
