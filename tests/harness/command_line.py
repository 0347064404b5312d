"""The `rookery` command, run as its users run it."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.suite import Suite


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document that it printed."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """The lines that it printed."""
        return self.out.splitlines()


class CommandLine:
    """Runs commands in a folder, against the suite of a context file; None: the one that is found there."""

    def __init__(self, folder: Path, context: Path | None = None) -> None:
        self._folder = folder
        # COLUMNS would give a pipe the width of whatever terminal the tests run in.
        self._environment = {
            name: value for name, value in os.environ.items() if name != "COLUMNS" and not name.startswith("ROOKERY_")
        }
        if context is not None:
            self._environment["ROOKERY_CONTEXT"] = str(context)

    async def __call__(
        self,
        *arguments: str,
        given: bytes = b"",
        reader_gone: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Runs a command to its end; `given` is its standard input. Its output may have nobody who reads it."""
        if reader_gone:
            reader, writer = os.pipe()
            os.close(reader)
            process = await self.begin(*arguments, environment=environment, stdout=writer)
            os.close(writer)
        else:
            process = await self.begin(*arguments, environment=environment)
        out, err = await asyncio.wait_for(process.communicate(given), 60)
        assert process.returncode is not None
        assert b"Traceback" not in err, err.decode()
        return Done(process.returncode, (out or b"").decode(), err.decode())

    async def begin(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stdout: int = asyncio.subprocess.PIPE,
    ) -> asyncio.subprocess.Process:
        """Starts a command."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "rookery_cli", *arguments),
            cwd=self._folder,
            env={**self._environment, **(environment or {})},
            stdin=asyncio.subprocess.PIPE,
            stdout=stdout,
            stderr=asyncio.subprocess.PIPE,
        )


def write_context(suite: Suite) -> Path:
    """Writes the context file of a test's suite, as `rookery up` would."""
    path = suite.folder / "context.json"
    services = ("auth", "registry", "orchestrator", "tool_executor")
    path.write_text(json.dumps({each: suite.address(each) for each in services} | {"credential": "admin.credential"}))
    return path
