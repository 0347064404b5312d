"""The suite as a user starts it: `rookery up`, in a process of its own."""

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rookery_local.child import Child, Command

from demo.failure import DemoFailed

_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02
_PREFIX = "ROOKERY_"


@dataclass(frozen=True, slots=True)
class Part:
    """A process of the suite as `status.json` tells of it."""

    name: str
    serving: bool
    pid: int | None
    port: int | None
    metrics_port: int | None
    restarts: int


class LocalSuite:
    """A running `rookery up`. `ready_seconds` is the time from its start until all was SERVING."""

    def __init__(self, child: Child, data_dir: Path) -> None:
        self._child = child
        self._data_dir = data_dir
        self.ready_seconds = 0.0
        self.pid = child.pid
        self.context = data_dir / "context.json"
        self.log = data_dir / "logs" / "up.log"

    @classmethod
    def spawn(cls, data_dir: Path) -> "LocalSuite":
        """Starts it on free ports. `until_ready` tells when it serves."""
        command = Command(
            (sys.executable, "-P", "-m", "rookery_cli", "up", f"--data-dir={data_dir}", "--free-ports", "--no-color"),
            log_file=data_dir / "logs" / "up.log",
            environment=clean_environment(),
            working_folder=data_dir,
            # So that it stops in good order when this process is killed.
            death_signal=signal.SIGTERM,
        )
        return cls(Child.spawn(command), data_dir)

    async def until_ready(self) -> None:
        """Waits until all of it is SERVING. Raises DemoFailed with its last words when it does not come to that."""
        begun = time.monotonic()
        while not self.context.exists():
            if self._child.exit_code is not None or time.monotonic() - begun > _START_SECONDS:
                lines = self._child.output().strip().splitlines() or ["it said nothing"]
                raise DemoFailed(f"the suite did not start: {lines[-1]}")
            await asyncio.sleep(_POLL_SECONDS)
        self.ready_seconds = time.monotonic() - begun

    def parts(self) -> dict[str, Part]:
        """How its parts stand, by name; empty once it has stopped."""
        try:
            status = json.loads((self._data_dir / "status.json").read_text())
        except FileNotFoundError:
            return {}
        return {
            name: Part(
                name, part["state"] == "serving", part["pid"], part["port"], part["metrics_port"], part["restarts"]
            )
            for name, part in status.items()
            if name != "up"
        }

    def part(self, name: str) -> Part:
        """One part. Raises DemoFailed when there is none of that name."""
        part = self.parts().get(name)
        if part is None:
            raise DemoFailed(f"the suite tells of no part {name!r}")
        return part

    async def stop(self) -> None:
        """Asks it to stop, and returns when it has."""
        code = await self._child.end((signal.SIGTERM, _STOP_SECONDS))
        if code != 0 and self.ready_seconds:
            raise DemoFailed(f"the suite ended with {code} when it was asked to stop")


def clean_environment() -> dict[str, str]:
    """The environment of this process without settings of another suite."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_PREFIX)}
