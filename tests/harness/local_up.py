"""`rookery up` as a process, with real servers and stand-ins for the services."""

import asyncio
import json
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

SERVICES = ("auth", "registry", "orchestrator", "tool_executor")
SERVICE = """
import json, os, signal, socket, sys
prefix = "ROOKERY_" + sys.argv[1].upper() + "_"
print(json.dumps({name.removeprefix(prefix): value for name, value in os.environ.items()}), flush=True)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    signal.pause()
"""
REFUSING = "import sys; sys.exit('rookery-registry: cannot start: the schema is behind')"
STUBBORN = SERVICE.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
SILENT = SERVICE.replace("notify.sendto", "str")
UP = """
import json, sys
from rookery_local.options import parse
from rookery_local.suite import Programs
from rookery_local.up import run
services, migrate = json.loads(sys.argv[1])
sys.exit(run(parse(sys.argv[2:]), Programs({name: tuple(c) for name, c in services.items()}, tuple(migrate))))
"""


class Up:
    """One `rookery up` on `folder`; what it prints is collected."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.lines: list[str] = []

    async def ready(self) -> str:
        """The line READY."""
        assert self.process.stdout is not None
        while line := (await asyncio.wait_for(self.process.stdout.readline(), 60)).decode():
            self.lines.append(line)
            if line.startswith("READY"):
                return line
        assert self.process.stderr is not None
        raise AssertionError("".join(self.lines) + (await self.process.stderr.read()).decode())

    async def ended(self) -> tuple[int, str]:
        """The exit code and what was written to standard error."""
        output, errors = await asyncio.wait_for(self.process.communicate(), 30)
        self.lines += output.decode().splitlines()
        assert self.process.returncode is not None
        return self.process.returncode, errors.decode()

    def read(self, name: str) -> dict[str, Any]:
        """`context` or `status` as they are now."""
        content: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return content

    def pid(self, part: str) -> int:
        """The process of a part."""
        return int(self.read("status")[part]["pid"])

    def below(self) -> list[psutil.Process]:
        """All processes that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def environment(self, service: str) -> dict[str, str]:
        """What the stand-in of the service was given."""
        content: dict[str, str] = json.loads((self.folder / "logs" / f"{service}.log").read_text().splitlines()[-1])
        return content


StartUp = Callable[..., Any]


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[StartUp]:
    """Starts `rookery up` on free ports; `programs` replaces the programs of single services."""
    started: list[Up] = []

    async def start(
        *options: str, folder: Path = tmp_path / "data", migrate: str = "", free_ports: bool = True, **programs: str
    ) -> Up:
        commands = {name: (sys.executable, "-S", "-c", programs.get(name, SERVICE), name) for name in SERVICES}
        given = json.dumps([commands, (sys.executable, "-S", "-c", migrate)])
        ports = ("--free-ports",) if free_ports else ()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", UP, given, f"--data-dir={folder}", *ports, *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
        )
        started.append(Up(process, folder))
        return started[-1]

    yield start
    for one in started:
        with suppress(ProcessLookupError):
            one.process.kill()
        await one.process.communicate()


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def none_alive(processes: list[psutil.Process]) -> bool:
    return not any(map(is_alive, processes))


def private(file: Path) -> bool:
    return stat.S_IMODE(file.stat().st_mode) == 0o600


def files_below(folder: Path, kind: Callable[[Path], bool]) -> list[Path]:
    return [path for path in folder.rglob("*") if kind(path)]
