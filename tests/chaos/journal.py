"""What a process notes of messages, in a file that outlives it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns
from typing import Self

from harness.history import History, Kind, Lane, Note


class Journal:
    """Notes that are written at once, each as one line: a killed process leaves at most a torn last one."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        # Ends what a killed process left torn.
        os.write(self._file, b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def note(self, kind: Kind, message_id: str, lane: Lane, number: int, attempt: int = 1) -> None:
        """Writes a note down."""
        # One clock for all processes of a machine, so that the notes of several can be put in order.
        line = json.dumps([monotonic_ns(), kind, message_id, lane, number, attempt])
        os.write(self._file, f"{line}\n".encode())


def read_journal(path: Path) -> Iterator[tuple[int, Note]]:
    """The whole notes of a file with the times at which they were taken; none where there is no file."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            at, kind, message_id, lane, number, attempt = json.loads(line)
        except ValueError:
            continue
        yield at, Note(Kind(kind), message_id, Lane(*lane), number, attempt)


def read_history(folder: Path) -> History:
    """The notes of every journal in a folder, in the order of their times."""
    notes = sorted((each for path in folder.glob("*.journal") for each in read_journal(path)), key=lambda each: each[0])
    return History([note for _, note in notes])
