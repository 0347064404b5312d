"""Processes of a benchmark that speak JSON, a line at a time."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from bench.measure import MeasureFailed

_ANSWER_SECONDS = 60.0
_LONGEST_LINE_BYTES = 64 * 1024 * 1024
_END_SECONDS = 10.0


class Talker:
    """A process that answers each line on its standard input with one on its standard output.

    `measured` is that process as the system sees it.
    """

    def __init__(self, process: asyncio.subprocess.Process, module: str) -> None:
        self._process = process
        self._module = module
        self.measured = psutil.Process(process.pid)

    async def hear(self) -> Any:  # noqa: ANN401 -- whatever the process says
        """The next line it says. Raises MeasureFailed when it has ended, or says nothing in time."""
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), _ANSWER_SECONDS)
        except TimeoutError:
            raise MeasureFailed(f"{self._module} said nothing for {_ANSWER_SECONDS:g} s") from None
        if not line:
            raise MeasureFailed(f"{self._module} ended with {await self._process.wait()}; its reason is above")
        return json.loads(line)

    async def ask(self, question: object) -> Any:  # noqa: ANN401 -- as above
        """Sends one line and answers what comes back."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        return await self.hear()

    def cpu_seconds(self) -> float:
        """Processor time it has used so far."""
        times = self.measured.cpu_times()
        return times.user + times.system


@asynccontextmanager
async def talker(module: str, interpreter: str | Path = sys.executable) -> AsyncIterator[Talker]:
    """Runs `interpreter -m module` for the length of the block.

    The process ends itself when its standard input does.
    """
    process = await asyncio.create_subprocess_exec(
        interpreter,
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE_BYTES,
    )
    try:
        yield Talker(process, module)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
