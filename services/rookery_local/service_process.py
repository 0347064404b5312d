"""A service of the suite as a child process: started when it says so, stopped with all it has started."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import psutil

from rookery_local.child import Child, Command
from rookery_local.errors import CannotStart
from rookery_local.leftovers import descendants, kill_all, still_alive
from rookery_local.notify_socket import NotifySocket

_REASON = "cannot start: "
_FADE_SECONDS = 1.0


class ServiceProcess:
    """A command that sends READY=1 to the socket named by NOTIFY_SOCKET once it is SERVING.

    `socket` is where that socket is made. A start may take `start_seconds`, a stop `grace_seconds` before it becomes
    a kill.
    """

    def __init__(
        self, command: Command, *, socket: Path, start_seconds: float = 60.0, grace_seconds: float = 10.0
    ) -> None:
        environment = os.environ if command.environment is None else command.environment
        self._command = replace(command, environment={**environment, "NOTIFY_SOCKET": str(socket)})
        self._socket = socket
        self._start_seconds = start_seconds
        self._grace_seconds = grace_seconds
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process id; None while it is stopped."""
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        """Starts the service and returns when it is SERVING. Raises CannotStart with the service's own reason."""
        with NotifySocket(self._socket) as notified:
            self._child = child = Child.spawn(self._command)
            ready = asyncio.create_task(notified.ready())
            ended = asyncio.create_task(child.wait())
            try:
                await asyncio.wait({ready, ended}, timeout=self._start_seconds, return_when=asyncio.FIRST_COMPLETED)
                if child.exit_code is not None:
                    raise CannotStart(_reason(child))
                if not ready.done():
                    raise CannotStart(f"not SERVING after {self._start_seconds:g} s: see {self._command.log_file}")
            except BaseException:
                await asyncio.shield(self.kill())
                raise
            finally:
                ready.cancel()
                ended.cancel()
                await asyncio.wait({ready, ended})

    async def wait(self) -> int:
        """Waits until the service ends and answers its exit code."""
        if self._child is None:
            raise RuntimeError("the service has not been started")
        return await self._child.wait()

    async def stop(self) -> None:
        """Asks the service to drain, and returns when it and all it has started are gone. A stopped one stays so."""
        if self._child is not None:
            below = descendants(self._child.pid)
            await self._child.end((signal.SIGTERM, self._grace_seconds))
            await asyncio.to_thread(_let_fade, below)
            self._child = None

    async def kill(self) -> None:
        """Ends the service and all it has started at once."""
        if self._child is not None:
            below = descendants(self._child.pid)
            await self._child.end()
            await asyncio.to_thread(kill_all, below)
            self._child = None


def _let_fade(processes: list[psutil.Process]) -> None:
    """Leaves processes whose parent has just stopped a moment to end by themselves, then kills what is left."""
    kill_all(still_alive(processes, _FADE_SECONDS))


def _reason(child: Child) -> str:
    lines = child.output().strip().splitlines() or ["it wrote no reason"]
    for line in reversed(lines):
        if _REASON in line:
            return line.partition(_REASON)[2]
    return f"{describe_exit(child.exit_code)}: {lines[-1]}"


def describe_exit(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None:
        return "running"
    return f"ended with exit code {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}"
