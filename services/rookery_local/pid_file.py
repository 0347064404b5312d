"""Which processes a runner has started, kept on disk, so that the next one can end those that were left behind."""

from dataclasses import dataclass
from pathlib import Path

import psutil

from rookery_local.leftovers import descendants, kill_all

# Start times are kept in ticks of the clock; two processes with one id are further apart than this.
_SAME_START_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process for good: the id alone is given to others in time. `started` is in seconds since 1970."""

    pid: int
    started: float

    def write(self, file: Path) -> None:
        """Records the identity."""
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(f"{self.pid} {self.started!r}\n", encoding="ascii")

    def find(self) -> psutil.Process | None:
        """The process, if it is still there."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _SAME_START_SECONDS
        except psutil.Error:
            return None
        return process if same else None


def end_recorded(folder: Path) -> list[str]:
    """Kills every recorded process that still runs, with all below it, and answers the names of their files.

    A file that cannot be read as a record is dropped: it was being written when its writer was killed.
    """
    ended = []
    for file in sorted(folder.glob("*.pid")):
        try:
            pid, started = file.read_text(encoding="ascii").split()
            process = ProcessIdentity(int(pid), float(started)).find()
        except ValueError:
            process = None
        if process is not None:
            kill_all([process, *descendants(process.pid)])
            ended.append(file.stem)
        file.unlink()
    return ended
