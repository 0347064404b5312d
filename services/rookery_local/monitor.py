"""Watches the parts and tells: `status.json` and the display follow every change."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rookery_local.display import Display
from rookery_local.log_problems import LogProblems
from rookery_local.memory import memory_of
from rookery_local.public_files import PublicFiles
from rookery_local.supervisor import SupervisedPart
from rookery_local.unit import PartStatus


class Monitor:
    """Told of each change by the parts; looks at memory and logs by itself while `run` runs."""

    def __init__(self, files: PublicFiles, display: Display, logs: Mapping[str, Path]) -> None:
        self._files = files
        self._display = display
        self._problems = LogProblems(logs)
        self._memory: Mapping[int, int] = {}
        self.parts: Sequence[SupervisedPart] = ()

    def changed(self, status: PartStatus) -> None:
        """A part has taken another state."""
        self._display.changed(status)
        self._write()

    async def run(self) -> None:
        """Refreshes without end, as often as the display wants."""
        while True:
            statuses = self._statuses()
            self._memory = memory_of(status.pid for status in statuses if status.pid is not None)
            self._problems.look()
            self._write()
            self._display.refresh(statuses, self._memory, self._problems.latest)
            await asyncio.sleep(self._display.refresh_seconds)

    def _write(self) -> None:
        # A full disk is no reason to stop watching over the parts.
        with suppress(OSError):
            self._files.write_status(self._statuses(), self._memory)

    def _statuses(self) -> list[PartStatus]:
        return [part.status for part in self.parts]
