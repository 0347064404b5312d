"""Writing answers: tables for people, one JSON document for programs."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Document = Mapping[str, Any]

_STYLES = {
    "ONLINE": "green",
    "OFFLINE": "dim",
    "DRAINING": "yellow",
    "COMPLETED": "green",
    "SERVING": "green",
    "serving": "green",
    "WORKING": "yellow",
    "SUBMITTED": "cyan",
    "FAILED": "red",
    "REJECTED": "red",
    "NOT_SERVING": "red",
    "UNREACHABLE": "red",
    "backing off": "red",
    "CANCELED": "dim",
    "ACKED": "green",
    "DEAD": "red",
    "DEAD_LETTERED": "red",
    "EXPIRED": "dim",
    "PURGED": "dim",
    "DISCARDED": "dim",
    "disabled": "dim",
}
_WIDE = 10_000
_GAP = 2
_NARROWEST = 6


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `cell` reads it from a document; a `fixed` one is never cut, the others share the rest."""

    heading: str
    cell: Callable[[Document], object]
    fixed: bool = False


class _Terminal(Console):
    def on_broken_pipe(self) -> None:
        """Leaves it to the entry point what it means that nobody reads any more."""
        raise BrokenPipeError


class Output:
    """Writes to standard output; what is not the answer itself goes to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # A pipe has no width: whoever reads it wants whole values.
        width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _WIDE
        self._console = _Terminal(width=width, highlight=False, soft_wrap=False, emoji=False, markup=False)

    def listing(
        self, name: str, documents: Sequence[Document], columns: Sequence[Column], *, more: bool, **extra: object
    ) -> None:
        """A listing: as JSON an object with the list under its name, and `more` when it was cut off."""
        if self.as_json:
            self.json({name: list(documents), "more": more, **extra})
            return
        if documents:
            self.table(documents, columns)
        else:
            self.note(f"no {name.replace('_', ' ')}")
        if more:
            self.note(f"these are the first {len(documents)}; see more with --limit N or --all")

    def table(self, documents: Iterable[Document], columns: Sequence[Column]) -> None:
        """A table that fits the terminal."""
        rows = [[_cell(column.cell(document)) for column in columns] for document in documents]
        natural = [
            max(len(column.heading), *(row[index].cell_len for row in rows)) if rows else len(column.heading)
            for index, column in enumerate(columns)
        ]
        room = self._console.width - _GAP * (len(columns) - 1)
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
        for column, width in zip(columns, fit(natural, [column.fixed for column in columns], room), strict=True):
            # What is fixed is there to be copied: on a narrow terminal the others give way.
            least = width if column.fixed else None
            table.add_column(column.heading, width=width, min_width=least, no_wrap=True, overflow="ellipsis")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def one(self, document: Document, fields: Sequence[Column]) -> None:
        """One thing: as JSON the document itself, else a line a field, leaving out what is empty."""
        if self.as_json:
            self.json(document)
            return
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        for field in fields:
            value = _cell(field.cell(document), lines=True)
            if value.plain:
                table.add_row(field.heading, value)
        self._console.print(table)

    def done(self, document: Document, sentence: str) -> None:
        """Something was done: as JSON the document, else a sentence."""
        if self.as_json:
            self.json(document)
        else:
            self.line(sentence)

    def line(self, text: str) -> None:
        """A line of an answer."""
        self._console.print(_cell(text, lines=True), soft_wrap=True)

    def json(self, document: object) -> None:
        """One JSON document."""
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    def json_line(self, document: object) -> None:
        """One of several JSON documents, a line each, written at once."""
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """A remark for people, on standard error."""
        sys.stdout.flush()
        sys.stderr.write(f"{text}\n")


def fit(natural: Sequence[int], fixed: Sequence[bool], room: int) -> list[int]:
    """The widths of columns within `room`: the widest that is not fixed gives way first, down to 6 characters."""
    widths = [width if is_fixed else min(width, room) for width, is_fixed in zip(natural, fixed, strict=True)]
    flexible = [index for index, is_fixed in enumerate(fixed) if not is_fixed]
    while flexible and sum(widths) > room:
        widest = max(flexible, key=lambda index: widths[index])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _cell(value: object, *, lines: bool = False) -> Text:
    """Text for a terminal. What comes from the suite cannot steer the terminal: control characters become blanks."""
    if value is None:
        return Text("")
    text = value if isinstance(value, str) else str(value)
    shown = "".join(each if each.isprintable() or (lines and each in "\n\t") else " " for each in text)
    return Text(shown, style=_STYLES.get(text, ""))
