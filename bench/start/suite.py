"""The suite `start`: the whole suite of services against five bare processes with the same libraries."""

import asyncio
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from bench.measure import Measure, Quantity, Reading
from bench.up import running_up

_PROCESSES = 5
_LIBRARIES = "import grpc.aio, asyncpg, nats"
_SETTLE_SECONDS = 3.0
_READY_SECONDS = 90.0
_MIB = 1024 * 1024
_BARE = "five Python processes that import grpc.aio, asyncpg and nats"
_QUANTITIES = (
    Quantity("ready_seconds", "s", "lower", _BARE),
    Quantity("ready_seconds_cold", "s", "lower", _BARE),
    Quantity("idle_rss_mib", "MiB", "lower", _BARE),
)


@asynccontextmanager
async def open_suite() -> AsyncIterator[tuple[Measure, ...]]:
    """Needs nothing open: each turn starts and stops everything, in a data directory of its own."""
    conditions = {
        "ready_seconds": "second start on a data directory",
        "ready_seconds_cold": "first start: databases, schemas, keys and streams are made",
        "idle_rss_mib": f"four services and the supervisor, {_SETTLE_SECONDS:g} s after READY of the second start; "
        "Postgres and NATS are not counted",
        "baseline": f"{_PROCESSES} x python -c {_LIBRARIES!r}, started at once: until the last has imported, and the "
        "sum of their resident memory",
    }
    yield (Measure(_QUANTITIES, take=_take, take_baseline=_take_baseline, turns=1, conditions=conditions),)


async def _take() -> Reading:
    with tempfile.TemporaryDirectory(prefix="rk-bench-") as folder:
        data_dir = Path(folder) / "data"
        cold, _ = await _start_and_stop(data_dir)
        warm, memory = await _start_and_stop(data_dir)
    values = {"ready_seconds": warm, "ready_seconds_cold": cold, "idle_rss_mib": memory["rss"]}
    return Reading(values, {"idle_uss_mib": memory["uss"], "idle_pss_mib": memory["pss"]})


async def _start_and_stop(data_dir: Path) -> tuple[float, dict[str, float]]:
    """Seconds until READY, and the memory of Rookery's own processes when they have settled."""
    begun = time.perf_counter()
    async with running_up(data_dir) as up:
        seconds = time.perf_counter() - begun
        await asyncio.sleep(_SETTLE_SECONDS)
        return seconds, _memory(_own(psutil.Process(up.process.pid)))


def _own(supervisor: psutil.Process) -> list[psutil.Process]:
    """The supervisor and the services: the processes that run a package of Rookery."""
    family = [supervisor, *supervisor.children(recursive=True)]
    return [process for process in family if any(word.startswith("rookery_") for word in process.cmdline())]


def _memory(processes: Iterable[psutil.Process]) -> dict[str, float]:
    """Sums over processes in MiB. Pages that processes share count once each in rss, once in all in pss."""
    infos = [process.memory_full_info() for process in processes]
    return {name: sum(getattr(info, name) for info in infos) / _MIB for name in ("rss", "uss", "pss")}


async def _take_baseline() -> Reading:
    code = f"{_LIBRARIES}, sys; print('up', flush=True); sys.stdin.read()"
    begun = time.perf_counter()
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdin=PIPE, stdout=PIPE)
        for _ in range(_PROCESSES)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            await asyncio.wait_for(process.stdout.readline(), _READY_SECONDS)
        seconds = time.perf_counter() - begun
        memory = _memory(psutil.Process(process.pid) for process in processes)
    finally:
        await asyncio.gather(*(process.communicate(b"") for process in processes))
    values = {"ready_seconds": seconds, "ready_seconds_cold": seconds, "idle_rss_mib": memory["rss"]}
    return Reading(values, {"idle_uss_mib": memory["uss"], "idle_pss_mib": memory["pss"]})
