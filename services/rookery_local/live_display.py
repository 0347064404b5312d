"""The status screen on a terminal."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rookery_local.unit import PartStatus, State

_COLOURS = {
    State.STARTING: "yellow",
    State.SERVING: "green",
    State.BACKING_OFF: "red",
    State.STOPPING: "yellow",
    State.STOPPED: "dim",
}
_MIB = 1024 * 1024


class _Screen(Console):
    """Falls silent when nobody reads any more, where its parent class would end the process."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class LiveDisplay:
    """One table that is drawn anew in its place; what was said stays above it."""

    refresh_seconds = 1.0

    def __init__(self, stream: TextIO) -> None:
        self._console = _Screen(file=stream)
        self._statuses: dict[str, PartStatus] = {}
        self._memory: Mapping[int, int] = {}
        self._trouble: tuple[str, str] | None = None
        self._live = Live(
            get_renderable=self._screen,
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with suppress(OSError):
            self._live.start()

    def say(self, text: str) -> None:
        """See Display."""
        with suppress(OSError):
            self._console.print(Text(text, style="dim"))

    def changed(self, status: PartStatus) -> None:
        """See Display."""
        self._statuses[status.name] = status
        self._draw()

    def ready(self, line: str) -> None:
        """See Display."""
        with suppress(OSError):
            self._console.print(Text(line, style="bold green"), soft_wrap=True)

    def refresh(
        self, statuses: Sequence[PartStatus], memory: Mapping[int, int], trouble: tuple[str, str] | None
    ) -> None:
        """See Display."""
        self._statuses = {status.name: status for status in statuses}
        self._memory = memory
        self._trouble = trouble
        self._draw()

    def close(self) -> None:
        """See Display."""
        with suppress(OSError):
            self._live.stop()

    def _draw(self) -> None:
        with suppress(OSError):
            self._live.refresh()

    def _screen(self) -> RenderableType:
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("process")
        table.add_column("state", min_width=11)
        for name in ("pid", "port", "restarts", "memory", "for"):
            table.add_column(name, justify="right")
        for status in self._statuses.values():
            held = self._memory.get(status.pid or 0)
            table.add_row(
                status.name,
                Text(status.state, style=_COLOURS[status.state]),
                _shown(status.pid),
                _shown(status.port),
                str(status.restarts),
                f"{held / _MIB:.0f} MiB" if held else "-",
                duration(time.time() - status.since),
            )
        lines: list[RenderableType] = [table]
        if self._trouble is not None:
            part, text = self._trouble
            line = Text(f"last problem in the logs: {part}: {text}", style="yellow", overflow="ellipsis", no_wrap=True)
            lines.append(line)
        lines.append(Text("Ctrl-C stops everything", style="dim"))
        return Group(*lines)


def _shown(number: int | None) -> str:
    return "-" if number is None else str(number)


def duration(seconds: float) -> str:
    """A length of time in its two largest units: `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
