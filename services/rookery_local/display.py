"""What the person who started the suite sees: plain lines here, a live screen in `live_display`."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol, TextIO

from rookery_local.options import UpOptions
from rookery_local.unit import PartStatus, State


class Display(Protocol):
    """Shows the life of the suite. No method fails when nobody looks any more.

    `refresh_seconds` is how often it wants to be refreshed.
    """

    refresh_seconds: float

    def say(self, text: str) -> None:
        """Something happened to the suite as a whole."""

    def changed(self, status: PartStatus) -> None:
        """A part has taken another state."""

    def ready(self, line: str) -> None:
        """All of it is SERVING; the line begins with READY and is shown whatever else is not."""

    def refresh(
        self, statuses: Sequence[PartStatus], memory: Mapping[int, int], trouble: tuple[str, str] | None
    ) -> None:
        """How the parts stand now: their memory in bytes by process id, the latest trouble in the logs."""

    def close(self) -> None:
        """Nothing more is shown."""


class PlainDisplay:
    """One line for each event, with its time; with `quiet` only READY and problems."""

    refresh_seconds = 5.0

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet

    def say(self, text: str) -> None:
        """See Display."""
        if not self._quiet:
            self._write(f"{time.strftime('%H:%M:%S')} {text}")

    def changed(self, status: PartStatus) -> None:
        """See Display."""
        if status.state is State.BACKING_OFF:
            self._write(f"{time.strftime('%H:%M:%S')} {status.name}: {status.problem}; it is started again")
        elif status.state is State.SERVING:
            again = f" after restart {status.restarts}" if status.restarts else ""
            self.say(f"{status.name}: serving{again} (pid {status.pid})")
        elif status.state is State.STOPPED or (status.state is State.STARTING and not status.restarts):
            self.say(f"{status.name}: {status.state}")

    def ready(self, line: str) -> None:
        """See Display."""
        self._write(line)

    def refresh(
        self, statuses: Sequence[PartStatus], memory: Mapping[int, int], trouble: tuple[str, str] | None
    ) -> None:
        """See Display. Lines are for events only."""

    def close(self) -> None:
        """See Display."""

    def _write(self, line: str) -> None:
        # A reader that has gone away, or a terminal that was closed, must not end the suite.
        with suppress(OSError, ValueError):
            print(line, file=self._stream, flush=True)


def open_display(options: UpOptions, stream: TextIO) -> Display:
    """A live screen on a terminal that wants one, else plain lines."""
    plain = options.quiet or options.no_color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    if plain or not stream.isatty():
        return PlainDisplay(stream, quiet=options.quiet)
    # Only a terminal pays for what draws on it.
    from rookery_local.live_display import LiveDisplay  # noqa: PLC0415

    return LiveDisplay(stream)
