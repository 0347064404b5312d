"""Showing how a run goes: a live line on a terminal, a plain line now and then elsewhere."""

import time
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

_PLAIN_SECONDS = 2.0


class Display(Protocol):
    """Shows a run."""

    def say(self, text: str) -> None:
        """Something happened."""

    def progress(self, done: int, total: int, in_flight: int) -> None:
        """So many of the tasks are done, and so many are leased to agents."""

    def close(self) -> None:
        """Nothing more is shown."""


class LiveDisplay:
    """A bar on a terminal, with what happens above it."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._bar = self._progress.add_task("starting", total=None)
        self._progress.start()

    def say(self, text: str) -> None:
        """See Display."""
        self._progress.console.print(Text.assemble((time.strftime("%H:%M:%S "), "dim"), text))

    def progress(self, done: int, total: int, in_flight: int) -> None:
        """See Display."""
        self._progress.update(
            self._bar, description=f"tasks ({in_flight} in flight)", completed=done, total=total or None
        )

    def close(self) -> None:
        """See Display."""
        self._progress.stop()


class PlainDisplay:
    """A line for each event, and one every two seconds while tasks are worked on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = 0.0

    def say(self, text: str) -> None:
        """See Display."""
        self._console.print(f"{time.strftime('%H:%M:%S')} {text}", soft_wrap=True, highlight=False, markup=False)

    def progress(self, done: int, total: int, in_flight: int) -> None:
        """See Display."""
        if total and time.monotonic() - self._shown >= _PLAIN_SECONDS:
            self._shown = time.monotonic()
            self.say(f"{done} of {total} tasks done, {in_flight} in flight")

    def close(self) -> None:
        """See Display."""


class QuietDisplay:
    """Shows nothing."""

    def say(self, text: str) -> None:
        """See Display."""

    def progress(self, done: int, total: int, in_flight: int) -> None:
        """See Display."""

    def close(self) -> None:
        """See Display."""


def open_display(console: Console, *, quiet: bool) -> Display:
    """What fits the console."""
    if quiet:
        return QuietDisplay()
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)
