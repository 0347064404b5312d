"""What a run takes of the machine while it goes on, and what it leaves behind."""

import asyncio
import os
import socket
from collections.abc import Iterable

import psutil
from rookery_local.leftovers import descendants
from rookery_local.memory import memory_of

_SAMPLE_SECONDS = 1.0
_GONE_SECONDS = 5.0
_POLL_SECONDS = 0.05


class Footprint:
    """Samples this process's descendants. `peak_bytes` is the most memory that all of them together have held."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._seen: set[psutil.Process] = set()
        self._ports: set[int] = set()

    def expect_closed(self, ports: Iterable[int | None]) -> None:
        """Notes ports of 127.0.0.1 that nobody may listen on when the run is over."""
        self._ports.update(port for port in ports if port is not None)

    async def run(self) -> None:
        """Samples without end."""
        while True:
            await asyncio.to_thread(self.sample)
            await asyncio.sleep(_SAMPLE_SECONDS)

    def sample(self) -> None:
        """Looks once."""
        own = os.getpid()
        self._seen.update(descendants(own))
        roots = [process.pid for process in self._seen if _parent(process) == own]
        self.peak_bytes = max(self.peak_bytes, sum(memory_of(roots).values()))

    async def leftovers(self) -> list[str]:
        """What is still there of all that was seen, in words; processes are given a moment to go."""
        for _ in range(int(_GONE_SECONDS / _POLL_SECONDS)):
            if not any(_is_alive(process) for process in self._seen):
                break
            await asyncio.sleep(_POLL_SECONDS)
        processes = [f"process {_name(process)}" for process in self._seen if _is_alive(process)]
        return processes + [f"port {port}" for port in sorted(self._ports) if _is_open(port)]


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _name(process: psutil.Process) -> str:
    try:
        return f"{process.pid} ({' '.join(process.cmdline()[:4])})"
    except psutil.Error:
        return str(process.pid)


def _is_open(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
