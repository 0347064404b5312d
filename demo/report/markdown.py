"""Pieces of Markdown."""

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table. Columns whose head starts with `#` are numbers and stand to the right."""
    marks = ["---:" if head.startswith("#") else "---" for head in heads]
    lines = [_row(head.removeprefix("#").strip() for head in heads), _row(marks)]
    return lines + [_row(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row) for row in rows]


def code(text: str) -> str:
    """Text set as code, on one line."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def shortened(text: str, limit: int) -> str:
    """Text cut at a word, with dots where something is left out."""
    if len(text) <= limit:
        return text
    return text[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + " …"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
