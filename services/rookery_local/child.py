"""One child process: in a session of its own, its output in a file, tied to the life of this process."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from rookery_local.pid_file import ProcessIdentity
from rookery_local.system_user import SystemUser

_LAUNCHER = Path(__file__).with_name("launcher.py")
_POLL_SECONDS = 0.02
_ROTATE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Command:
    """What to execute and under which conditions.

    `environment` replaces this process's own when given. `log_file` gets standard output and error, appended; once
    it is past 16 MiB it is set aside as `<name>.1` at the next spawn. `death_signal` is what the kernel sends the
    child when this process dies without stopping it (Linux). `pid_file` records the process as long as it lives.
    """

    arguments: tuple[str, ...]
    log_file: Path
    environment: Mapping[str, str] | None = None
    working_folder: Path | None = None
    user: SystemUser | None = None
    death_signal: signal.Signals = signal.SIGKILL
    pid_file: Path | None = None


class Child:
    """A spawned process. Not bound to an event loop: any loop of the spawning thread may wait for it."""

    def __init__(self, process: "subprocess.Popen[bytes]", command: Command, log_start: int) -> None:
        self._process = process
        self._command = command
        self._log_start = log_start
        self.pid = process.pid

    @classmethod
    def spawn(cls, command: Command) -> Self:
        """Starts the command. Raises OSError when not even the launcher can be started."""
        log_file = command.log_file
        log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if log_file.exists() and log_file.stat().st_size > _ROTATE_BYTES:
            log_file.replace(log_file.with_name(log_file.name + ".1"))
        user = command.user
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(int(command.death_signal))]
        launcher += [str(user.uid), str(user.gid)] if user else ["", ""]
        with log_file.open("ab") as log:
            process = subprocess.Popen(
                [*launcher, *command.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=command.working_folder,
                env=command.environment,
                start_new_session=True,
            )
            child = cls(process, command, log.tell())
        if command.pid_file is not None:
            ProcessIdentity(process.pid, psutil.Process(process.pid).create_time()).write(command.pid_file)
        return child

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the number of the signal that ended it."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal; one to a process that has ended goes nowhere."""
        self._process.send_signal(number)

    async def wait(self) -> int:
        """Waits for the end and answers the exit code."""
        while (code := self._process.poll()) is None:
            await _ended_or_soon(self.pid)
        if self._command.pid_file is not None:
            self._command.pid_file.unlink(missing_ok=True)
        return code

    async def end(self, *steps: tuple[signal.Signals, float]) -> int:
        """Sends each signal in turn and gives it its seconds to work; SIGKILL is the last resort."""
        for number, seconds in steps:
            self.send(number)
            try:
                return await asyncio.wait_for(self.wait(), seconds)
            except TimeoutError:
                continue
        self.send(signal.SIGKILL)
        return await self.wait()

    def output(self, limit: int = 64 * 1024) -> str:
        """What this child has written so far; of a long output the last `limit` bytes."""
        with self._command.log_file.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - limit))
            return log.read().decode(errors="replace")


async def _ended_or_soon(pid: int) -> None:
    """Returns when the process has ended; where the system cannot tell, after a short while."""
    if not hasattr(os, "pidfd_open"):
        await asyncio.sleep(_POLL_SECONDS)
        return
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        await asyncio.sleep(_POLL_SECONDS)
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
