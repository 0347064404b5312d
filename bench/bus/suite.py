"""The suite `bus`: from one agent to another over the orchestrator, against plain NATS clients."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from secrets import token_hex

import psutil

from bench.bus.orders import PAYLOAD_BYTES, Order, Result
from bench.bus.parts import Parts, running_parts
from bench.child import Talker, talker
from bench.measure import Conditions, Measure, Quantity, Reading

_TURNS = 3
_REPLICAS = 2
_MIB = 1024 * 1024
_A_SECOND = 1000
_OPENED_AT_ONCE = 250
_DURABLE = "nats-py at the same durability, one message at a time"
_LOSSY = "nats-py on a NATS that syncs later, one message at a time"
_CONDITIONS: Conditions = {
    "payload_bytes": PAYLOAD_BYTES,
    "way": "sent, delivered, acknowledged, and that confirmed",
    "orchestrator": "two replicas, one with the sender; audit trail and inbox in Postgres; all syncs before it answers",
    "baseline": "one process publishes (256 in flight), fetches 100 at a time and acknowledges, until all is removed",
    "nats-py": version("nats-py"),
    "grpcio": version("grpcio"),
}


@dataclass(frozen=True, slots=True)
class Bench:
    """What is loaded, and by whom."""

    parts: Parts
    replicas: tuple[Talker, ...]
    load: Talker
    raw: Talker
    ports: str
    sender: str

    async def order(self, count: int, shape: str, agents: int = 1, a_second: int = 0) -> Order:
        """A load on the orchestrator with so many receivers."""
        receivers = await self.replicas[0].ask({"agents": agents})
        return Order(self.ports, shape, count, a_second, self.sender, receivers)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Case:
    """One row: what is measured and what beside it, and which figure of each result counts."""

    quantity: Quantity
    measured: Order
    baseline: Order
    value: Callable[[Result], float]
    conditions: Conditions
    turns: int = _TURNS


def _rate(result: Result) -> float:
    return result.count / result.seconds


def _p50(result: Result) -> float:
    return result.p50_ms


@asynccontextmanager
async def open_suite() -> AsyncIterator[tuple[Measure, ...]]:
    """Starts both NATS servers, Postgres, the orchestrator and the load generators."""
    async with _opened() as bench:
        raw = Order(bench.parts.durable_nats, "batched", 4_000)
        batched = await bench.order(20_000, "batched")
        cases = (
            Case(
                Quantity("e2e_batched_vs_durable", "messages/s", "higher", _DURABLE),
                batched,
                raw,
                _rate,
                {"messages_per_batch": 100, "batches_in_flight": 12},
            ),
            Case(
                Quantity("e2e_batched_vs_lossy", "messages/s", "higher", _LOSSY),
                batched,
                replace(raw, target=bench.parts.lossy_nats, count=20_000),
                _rate,
                {"messages_per_batch": 100, "batches_in_flight": 12},
            ),
            Case(
                Quantity("e2e_single", "messages/s", "higher", _DURABLE),
                await bench.order(3_000, "single"),
                raw,
                _rate,
                {"calls_in_flight": 64},
            ),
            Case(
                Quantity("paced_1000_p50_ms", "ms", "lower", _DURABLE),
                await bench.order(3_000, "paced", a_second=_A_SECOND),
                replace(raw, shape="paced", count=3_000, a_second=_A_SECOND),
                _p50,
                {"messages_a_second": _A_SECOND, "calls": "one for each message"},
            ),
        )
        yield tuple(_measure(bench, case) for case in cases)


@asynccontextmanager
async def open_mailboxes(agents: int, name: str) -> AsyncIterator[tuple[Measure, ...]]:
    """The same with many receivers at a time, whose mailboxes are opened before."""
    async with _opened() as bench:
        # Step by step, since no answer of a load generator may take a minute.
        for opened in range(_OPENED_AT_ONCE, agents + 1, _OPENED_AT_ONCE):
            await _turn(bench, "", await bench.order(opened, "batched", opened), bench.load, _rate)
        poured = await bench.order(20_000, "batched", agents)
        case = Case(
            Quantity(name, "messages/s", "higher", _DURABLE + ", one receiver"),
            poured,
            Order(bench.parts.durable_nats, "batched", 4_000),
            _rate,
            {"receivers": agents, "messages_per_batch": 100},
            turns=1,
        )
        paced = await bench.order(5 * _A_SECOND, "paced_batches", agents, _A_SECOND)

        async def take() -> Reading:
            reading = await _turn(bench, name, poured, bench.load, _rate)
            result = Result(**await bench.load.ask(asdict(paced)))
            memory = {"paced_1000_p50_ms": result.p50_ms, "paced_1000_p99_ms": result.p99_ms, **_memory(bench)}
            return Reading(reading.values, {**reading.observed, **memory})

        yield (replace(_measure(bench, case), take=take),)


GROUPS = (
    open_suite,
    partial(open_mailboxes, 1_000, "mailboxes_1k"),
    partial(open_mailboxes, 10_000, "mailboxes_10k"),
)


@asynccontextmanager
async def _opened() -> AsyncIterator[Bench]:
    async with AsyncExitStack() as opened:
        parts = await opened.enter_async_context(running_parts())
        raw = await opened.enter_async_context(talker("bench.bus.raw_load"))
        stands_on = {"database": parts.database, "nats": parts.durable_nats, "secret": token_hex(32)}
        replicas = [await opened.enter_async_context(talker("bench.bus.server")) for _ in range(_REPLICAS)]
        said = [await replica.ask(stands_on) for replica in replicas]
        load = await opened.enter_async_context(talker("bench.bus.load"))
        ports = ",".join(each["port"] for each in said)
        yield Bench(parts, tuple(replicas), load, raw, ports, said[0]["sender"])


def _measure(bench: Bench, case: Case) -> Measure:
    return Measure(
        (case.quantity,),
        take=partial(_turn, bench, case.quantity.name, case.measured, bench.load, case.value),
        take_baseline=partial(_turn, bench, case.quantity.name, case.baseline, bench.raw, case.value),
        turns=case.turns,
        conditions={**_CONDITIONS, **case.conditions},
    )


async def _turn(bench: Bench, name: str, order: Order, loader: Talker, value: Callable[[Result], float]) -> Reading:
    before = _cpu_seconds(bench)
    result = Result(**await loader.ask(asdict(order)))
    observed = {"p50_ms": result.p50_ms, "p99_ms": result.p99_ms}
    if loader is bench.load:
        observed["orchestrator_cpu_us_per_message"] = (_cpu_seconds(bench) - before) / result.count * 1e6
    return Reading({name: value(result)}, observed)


def _cpu_seconds(bench: Bench) -> float:
    return sum(replica.cpu_seconds() for replica in bench.replicas)


def _memory(bench: Bench) -> dict[str, float]:
    return {
        "orchestrator_rss_mib": sum(replica.measured.memory_info().rss for replica in bench.replicas) / _MIB,
        "nats_rss_mib": psutil.Process(bench.parts.nats_pid).memory_info().rss / _MIB,
    }
