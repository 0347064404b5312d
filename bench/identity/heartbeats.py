"""The row heartbeat_10k_cpu_percent: what 10,000 agents that beat every 10 s cost the registry."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rookery_kit.postgres.migrate import migrate_up
from rookery_kit.postgres.provision import runtime_role
from rookery_local.embedded_nats import EmbeddedNats
from rookery_local.embedded_postgres import EmbeddedPostgres

from bench.child import Talker, talker
from bench.measure import Measure, MeasureFailed, Quantity, Reading

AGENTS = 10_000
_EVERY_SECONDS = 10.0
_MEASURED_SECONDS = 20.0
_REGISTERED_AT_ONCE = 500
_READY_SECONDS = 60.0
_PASSWORD = "only-for-benchmarks"
_NATS_USERS = ("auth", "registry", "orchestrator", "tool_executor")
_QUANTITY = Quantity(
    "heartbeat_10k_cpu_percent",
    "% of a core",
    "lower",
    "a bare grpc.aio server that reads the same beats and drops them",
)


@asynccontextmanager
async def open_measure(agents: int = AGENTS) -> AsyncIterator[Measure]:
    """Starts Postgres, NATS, a registry, the bare server and the fleet, and registers every agent."""
    with tempfile.TemporaryDirectory(prefix="rk-bench-") as folder:
        async with (
            talker("bench.identity.heartbeat_load") as fleet,
            talker("bench.identity.bare_heartbeats") as bare,
            _postgres(Path(folder) / "postgres") as database,
            _nats(Path(folder) / "nats") as nats,
        ):
            keys = (await fleet.hear())["port"]
            bare_port = (await bare.hear())["port"]
            async with _registry(database, nats, keys) as (registry, port):
                for _ in range(0, agents, _REGISTERED_AT_ONCE):
                    await fleet.ask({"register": _REGISTERED_AT_ONCE, "port": port})
                services = {"": [registry], "postgres_": _family(database.pid), "nats_": _family(nats.pid)}
                yield Measure(
                    (_QUANTITY,),
                    take=partial(_turn, fleet, agents, port, services),
                    take_baseline=partial(_turn, fleet, agents, bare_port, {"": [bare.measured]}),
                    turns=1,
                    conditions={
                        "agents": agents,
                        "seconds_between_beats": _EVERY_SECONDS,
                        "streams": "one for each agent, over 8 connections",
                        "health_reports": "with every beat, none like the one before",
                        "seconds_per_turn": _MEASURED_SECONDS,
                        "grpcio": version("grpcio"),
                    },
                )


async def _turn(fleet: Talker, agents: int, port: int, measured: dict[str, list[psutil.Process]]) -> Reading:
    """Opens every stream, lets them beat for two intervals, and closes them."""
    await fleet.ask({"open": agents, "port": port, "every": _EVERY_SECONDS})
    used = {name: _cpu_seconds(processes) for name, processes in measured.items()}
    before = await fleet.ask({})
    await asyncio.sleep(_MEASURED_SECONDS)
    after = await fleet.ask({})
    percent = {
        name: (_cpu_seconds(processes) - used[name]) / _MEASURED_SECONDS * 100 for name, processes in measured.items()
    }
    memory = measured[""][0].memory_info().rss / 1024 / 1024
    await fleet.ask({"close": True})
    if after["ended"] or after["open"] != agents:
        raise MeasureFailed(f"of {agents} streams {after['ended']} ended while they were measured")
    observed = {f"{name}cpu_percent": value for name, value in percent.items() if name}
    observed |= {"beats_per_second": (after["beats"] - before["beats"]) / _MEASURED_SECONDS, "rss_mib": memory}
    return Reading({_QUANTITY.name: percent[""]}, observed)


@asynccontextmanager
async def _postgres(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder)
    await server.start()
    try:
        await asyncio.to_thread(migrate_up, server.admin_url, {"registry": _PASSWORD})
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def _nats(folder: Path) -> AsyncIterator[EmbeddedNats]:
    await asyncio.to_thread(folder.mkdir)
    server = EmbeddedNats(folder, port=_free_port(), users=dict.fromkeys(_NATS_USERS, _PASSWORD), sync_always=True)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def _registry(
    database: EmbeddedPostgres, nats: EmbeddedNats, keys: int
) -> AsyncIterator[tuple[psutil.Process, int]]:
    """The registry as a process of its own, SERVING."""
    port = _free_port()
    settings = {
        "LISTEN": f"127.0.0.1:{port}",
        "METRICS_LISTEN": "127.0.0.1:0",
        "DATABASE_URL": database.url(runtime_role("registry"), _PASSWORD),
        "NATS_URL": nats.url("registry"),
        "AUTH_ADDRESS": f"127.0.0.1:{keys}",
        "LOG_LEVEL": "warning",
    }
    environment = os.environ | {f"ROOKERY_REGISTRY_{name}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "rookery_registry", env=environment)
    try:
        await _until_serving(port)
        yield psutil.Process(process.pid), port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_serving(port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while True:
                    answer = await stub.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True)
                    if answer.status == health_pb2.HealthCheckResponse.SERVING:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise MeasureFailed(f"the registry is not SERVING after {_READY_SECONDS:g} s") from None


def _family(pid: int | None) -> list[psutil.Process]:
    assert pid is not None
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def _cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Processor time used so far by those that still run."""
    total = 0.0
    for process in processes:
        if process.is_running():
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
