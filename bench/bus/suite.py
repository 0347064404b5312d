"""The suite `bus`: from one agent to another over the orchestrator, against plain NATS clients and against peers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version

import psutil

from bench.bus import peers
from bench.bus.bench import (
    BATCHED_CONDITIONS,
    BATCHED_COUNT,
    CONDITIONS,
    SINGLE_CONDITIONS,
    SINGLE_COUNT,
    TURNS,
    Bench,
    p50,
    rate,
    running_bench,
)
from bench.bus.orders import Order, Result
from bench.measure import Conditions, Measure, Quantity, Reading

_MIB = 1024 * 1024
_A_SECOND = 1000
_OPENED_AT_ONCE = 250
_POURED = 10_000
_POURED_AT_ONCE = 2
_DURABLE = "nats-py at the same durability, one message at a time"
_LOSSY = "nats-py on a NATS that syncs later, one message at a time"
_CONDITIONS: Conditions = {
    **CONDITIONS,
    "baseline": "one process publishes (256 in flight), fetches 100 at a time and acknowledges, until all is removed",
    "nats-py": version("nats-py"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One row: what is measured and what beside it, and which figure of each result counts."""

    quantity: Quantity
    measured: Order
    baseline: Order
    value: Callable[[Result], float]
    conditions: Conditions
    turns: int = TURNS


@asynccontextmanager
async def open_suite() -> AsyncIterator[tuple[Measure, ...]]:
    """One sender and one receiver, beside NATS alone."""
    async with running_bench() as bench:
        raw = Order(bench.parts.durable_nats, "batched", 4_000)
        batched = await bench.order(BATCHED_COUNT, "batched")
        cases = (
            Case(
                Quantity("e2e_batched_vs_durable", "messages/s", "higher", _DURABLE),
                batched,
                raw,
                rate,
                BATCHED_CONDITIONS,
            ),
            Case(
                Quantity("e2e_batched_vs_lossy", "messages/s", "higher", _LOSSY),
                batched,
                replace(raw, target=bench.parts.lossy_nats, count=20_000),
                rate,
                BATCHED_CONDITIONS,
            ),
            Case(
                Quantity("e2e_single", "messages/s", "higher", _DURABLE),
                await bench.order(SINGLE_COUNT, "single"),
                raw,
                rate,
                SINGLE_CONDITIONS,
            ),
            Case(
                Quantity("paced_1000_p50_ms", "ms", "lower", _DURABLE),
                await bench.order(3_000, "paced", a_second=_A_SECOND),
                replace(raw, shape="paced", count=3_000, a_second=_A_SECOND),
                p50,
                {"messages_a_second": _A_SECOND, "sent": "over one SendMessages stream, a frame for each message"},
            ),
            Case(
                Quantity("paced_1000_calls_p50_ms", "ms", "lower", _DURABLE),
                await bench.order(3_000, "paced_calls", a_second=_A_SECOND),
                replace(raw, shape="paced", count=3_000, a_second=_A_SECOND),
                p50,
                {"messages_a_second": _A_SECOND, "sent": "by one SendMessage call for each message"},
            ),
        )
        yield tuple(_measure(bench, case) for case in cases)


@asynccontextmanager
async def open_mailboxes(agents: int, name: str) -> AsyncIterator[tuple[Measure, ...]]:
    """The same with many receivers at a time, whose mailboxes are opened before."""
    async with running_bench() as bench:
        # Step by step, since no answer of a load generator may take a minute.
        for opened in range(_OPENED_AT_ONCE, agents + 1, _OPENED_AT_ONCE):
            order = await bench.order(_OPENED_AT_ONCE, "batched", opened)
            await bench.turn("", replace(order, receivers=order.receivers[-_OPENED_AT_ONCE:]), bench.load, rate)
        poured = replace(await bench.order(_POURED, "batched", agents), batches_in_flight=_POURED_AT_ONCE)
        case = Case(
            Quantity(name, "messages/s", "higher", _DURABLE + ", one receiver"),
            poured,
            Order(bench.parts.durable_nats, "batched", 4_000),
            rate,
            {"receivers": agents, "messages_per_batch": 100, "batches_in_flight": _POURED_AT_ONCE},
            turns=1,
        )
        paced = await bench.order(5 * _A_SECOND, "paced_batches", agents, _A_SECOND)

        async def take() -> Reading:
            reading = await bench.turn(name, poured, bench.load, rate)
            result = Result(**await bench.load.ask(asdict(paced)))
            memory = {"paced_1000_p50_ms": result.p50_ms, "paced_1000_p99_ms": result.p99_ms, **_memory(bench)}
            return Reading(reading.values, {**reading.observed, **memory})

        yield (replace(_measure(bench, case), take=take),)


GROUPS = (
    open_suite,
    peers.open_peers,
    partial(open_mailboxes, 1_000, "mailboxes_1k"),
    partial(open_mailboxes, 10_000, "mailboxes_10k"),
)


def _measure(bench: Bench, case: Case) -> Measure:
    return Measure(
        (case.quantity,),
        take=partial(bench.turn, case.quantity.name, case.measured, bench.load, case.value),
        take_baseline=partial(bench.turn, case.quantity.name, case.baseline, bench.raw, case.value),
        turns=case.turns,
        conditions={**_CONDITIONS, **case.conditions},
    )


def _memory(bench: Bench) -> dict[str, float]:
    return {
        "orchestrator_rss_mib": sum(replica.measured.memory_info().rss for replica in bench.replicas) / _MIB,
        "nats_rss_mib": psutil.Process(bench.parts.nats_pid).memory_info().rss / _MIB,
    }
