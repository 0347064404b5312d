"""The suite `rpc`: an authenticated, validated, traced call against a bare grpc.aio echo of the same payload."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from typing import Literal

from bench.child import Talker, talker
from bench.measure import Conditions, Measure, Quantity, Reading
from bench.rpc.echo import MESSAGES_A_FRAME, PAYLOAD_BYTES
from bench.rpc.load import LoadOrder, LoadResult

_TURNS = 16
_SECONDS = 0.25
_WARM_UP_SECONDS = 0.3
_MOST = 20_000
_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_UNIT = {"unary": "call", "stream": "frame"}
_CONDITIONS: Conditions = {
    "payload_bytes": PAYLOAD_BYTES,
    "event_loop": "uvloop in both servers and in the load generator",
    "processes": "one server and one load generator at work, one connection",
    "pipeline": "EdDSA token verified before (warm cache), permission, protovalidate, traceparent passed on "
    "(no collector), deadline, duration histogram, error mapping",
    "grpcio": version("grpcio"),
    "seconds_per_turn": _SECONDS,
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server under load."""

    process: Talker
    port: int
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One shape of load, and which figure of its result is the row."""

    quantity: Quantity
    shape: Literal["unary", "stream"]
    in_flight: int
    value: Callable[[LoadResult], float]
    conditions: Conditions


_CASES = (
    Case(
        Quantity("unary_c1", "ms", "lower", "p50 of a bare grpc.aio echo"),
        shape="unary",
        in_flight=1,
        value=lambda result: result.p50_ms,
        conditions={"calls_in_flight": 1},
    ),
    Case(
        Quantity("unary_c32", "calls/s", "higher", "bare grpc.aio echo"),
        shape="unary",
        in_flight=32,
        value=lambda result: result.answered / result.seconds,
        conditions={"calls_in_flight": 32},
    ),
    Case(
        Quantity("stream_batched", "messages/s", "higher", "bare grpc.aio echo of the same frames"),
        shape="stream",
        in_flight=8,
        value=lambda result: result.answered * MESSAGES_A_FRAME / result.seconds,
        conditions={"frames_in_flight": 8, "messages_per_frame": MESSAGES_A_FRAME},
    ),
)


@asynccontextmanager
async def open_suite(names: Collection[str] = ()) -> AsyncIterator[tuple[Measure, ...]]:
    """Starts the two servers and the load generator, and warms them up. Measures the cases named, or all."""
    cases = [case for case in _CASES if not names or case.quantity.name in names]
    async with AsyncExitStack() as opened:
        load = await opened.enter_async_context(talker("bench.rpc.load"))
        bare_process = await opened.enter_async_context(talker("bench.rpc.bare_server"))
        ours_process = await opened.enter_async_context(talker("bench.rpc.pipeline_server"))
        bare = Server(bare_process, (await bare_process.hear())["port"])
        said = await ours_process.hear()
        authorization = ("authorization", f"Bearer {said['token']}")
        ours = Server(ours_process, said["port"], (authorization, ("traceparent", _TRACEPARENT)))
        for case in cases:
            for server in (bare, ours):
                await _turn(load, server, case, _WARM_UP_SECONDS)
        yield tuple(
            Measure(
                (case.quantity,),
                take=partial(_turn, load, ours, case, _SECONDS),
                take_baseline=partial(_turn, load, bare, case, _SECONDS),
                turns=_TURNS,
                conditions={**_CONDITIONS, **case.conditions},
            )
            for case in cases
        )


async def _turn(load: Talker, server: Server, case: Case, seconds: float) -> Reading:
    """Loads one server for a while; the other is idle."""
    order = LoadOrder(server.port, case.shape, case.in_flight, seconds, _MOST, server.metadata)
    before = server.process.cpu_seconds()
    result = LoadResult(**await load.ask(asdict(order)))
    cpu_us = (server.process.cpu_seconds() - before) / result.answered * 1e6
    return Reading({case.quantity.name: case.value(result)}, {f"server_cpu_us_per_{_UNIT[case.shape]}": cpu_us})
