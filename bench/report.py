"""Shows rows to people and keeps them for tools."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.rounds import Row

RESULTS = Path(__file__).resolve().parent / "results" / "latest.json"
_PIPE_WIDTH = 200


def write(rows: Sequence[Row], target: Path = RESULTS) -> None:
    """Writes a JSON list of rows, whole or not at all. Rows of suites that did not run this time are kept."""
    run = {row.suite for row in rows}
    kept = [row for row in _read(target) if row["suite"] not in run]
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    fresh.write_text(json.dumps([*kept, *map(asdict, rows)], indent=2) + "\n", encoding="utf-8")
    fresh.replace(target)


def _read(target: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(target.read_text(encoding="utf-8")) if target.exists() else []
    return rows


def show(rows: Sequence[Row], console: Console | None = None) -> None:
    """Prints a table; in a pipe without lines and colours, one row a line."""
    console = console or Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    table = Table(box=SIMPLE if console.is_terminal else None, pad_edge=False)
    for heading in ("suite", "measure"):
        table.add_column(heading)
    for heading in ("value", "min", "max", "baseline", "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    table.add_column("beside")
    for row in rows:
        figures = (row.value, row.min, row.max, row.baseline_value)
        table.add_row(row.suite, row.name, *map(_figure, figures), f"{row.ratio:.2f}", row.unit, row.baseline)
    console.print(table)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
