"""What the suite loads, and who loads it: two replicas of the orchestrator and the load generators."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from secrets import token_hex

from bench.bus.orders import PAYLOAD_BYTES, Order, Result
from bench.bus.parts import Parts, running_parts
from bench.child import Talker, talker
from bench.measure import Conditions, Reading

TURNS = 3
BATCHED_COUNT, BATCHED_CONDITIONS = 20_000, {"messages_per_batch": 100, "batches_in_flight": 12}
SINGLE_COUNT, SINGLE_CONDITIONS = 3_000, {"calls_in_flight": 64}
CONDITIONS: Conditions = {
    "payload_bytes": PAYLOAD_BYTES,
    "way": "sent, delivered, acknowledged, and that confirmed",
    "orchestrator": "two replicas, one with the sender; audit trail and inbox in Postgres; all syncs before it answers",
    "grpcio": version("grpcio"),
}
_REPLICAS = 2


@dataclass(frozen=True, slots=True)
class Bench:
    """What is loaded, and by whom. `load` is that of the orchestrator, `raw` that of NATS alone."""

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

    async def turn(self, name: str, order: Order, loader: Talker, value: Callable[[Result], float]) -> Reading:
        """One load and what became of it; `value` is the figure of the result that counts."""
        before = self._cpu_seconds()
        result = Result(**await loader.ask(asdict(order)))
        observed = {"p50_ms": result.p50_ms, "p99_ms": result.p99_ms}
        if loader is self.load:
            observed["orchestrator_cpu_us_per_message"] = (self._cpu_seconds() - before) / result.count * 1e6
        return Reading({name: value(result)}, observed)

    def _cpu_seconds(self) -> float:
        return sum(replica.cpu_seconds() for replica in self.replicas)


@asynccontextmanager
async def running_bench() -> AsyncIterator[Bench]:
    """Starts both NATS servers, Postgres, the orchestrator and the load generators."""
    async with AsyncExitStack() as opened:
        parts = await opened.enter_async_context(running_parts())
        raw = await opened.enter_async_context(talker("bench.bus.raw_load"))
        stands_on = {"database": parts.database, "nats": parts.durable_nats, "secret": token_hex(32)}
        replicas = [await opened.enter_async_context(talker("bench.bus.server")) for _ in range(_REPLICAS)]
        said = [await replica.ask(stands_on) for replica in replicas]
        load = await opened.enter_async_context(talker("bench.bus.load"))
        ports = ",".join(each["port"] for each in said)
        yield Bench(parts, tuple(replicas), load, raw, ports, said[0]["sender"])


def rate(result: Result) -> float:
    """Messages a second."""
    return result.count / result.seconds


def p50(result: Result) -> float:
    """The way of one message in milliseconds."""
    return result.p50_ms
