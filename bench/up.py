"""`rookery up` as a process of a benchmark."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import MeasureFailed

_READY_SECONDS = 90.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RunningUp:
    """A suite that is READY. `context` is what its context.json says."""

    process: Process
    context: dict[str, Any]

    @property
    def api_key(self) -> str:
        """The administrator's API key."""
        return Path(self.context["credential"]).read_text(encoding="utf-8").strip()


@asynccontextmanager
async def running_up(data_dir: Path) -> AsyncIterator[RunningUp]:
    """Starts a suite on free ports and stops it in the end. Raises MeasureFailed when it does not get READY."""
    command = [str(Path(sys.executable).with_name("rookery")), "up", "--data-dir", str(data_dir), "--free-ports"]
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    try:
        await _until_ready(process)
        yield RunningUp(process, json.loads((data_dir / "context.json").read_text(encoding="utf-8")))
    finally:
        await _stop(process)


async def _until_ready(process: Process) -> None:
    assert process.stdout is not None
    last = "nothing"
    try:
        async with asyncio.timeout(_READY_SECONDS):
            async for line in process.stdout:
                if line.startswith(b"READY"):
                    return
                last = line.decode(errors="replace").strip() or last
    except TimeoutError:
        raise MeasureFailed(f"rookery up is not READY after {_READY_SECONDS:g} s; it wrote last: {last}") from None
    raise MeasureFailed(f"rookery up ended; it wrote last: {last}")


async def _stop(process: Process) -> None:
    """As Ctrl-C does. What it still writes is read, so that a full pipe does not hold it up."""
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.communicate(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
