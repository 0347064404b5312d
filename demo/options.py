"""What the demo can be told."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_REPORT = ROOT / ".cache" / "demo" / "report.md"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `python -m demo`. A `seed` of None means the usual order of kills."""

    repeat: int = 1
    quiet: bool = False
    keep: bool = False
    seed: int | None = None
    report: Path = DEFAULT_REPORT


def parse(arguments: Sequence[str]) -> Options:
    """Reads a command line; a wrong one ends the process with exit code 2 and a line that says what is wrong."""
    parser = argparse.ArgumentParser(
        prog="demo", description="Runs a real fleet through the suite while parts of it are killed.", allow_abbrev=False
    )
    parser.add_argument("--repeat", type=_count, default=1, metavar="N", help="so many runs, one after another")
    parser.add_argument("--quiet", action="store_true", help="print the table and the verdict only")
    parser.add_argument(
        "--keep", action="store_true", help="keep the data directory with the logs, and say where it is"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="draw the order of the kills from this number")
    parser.add_argument("--report", type=Path, default=DEFAULT_REPORT, metavar="FILE", help="where the report goes")
    return Options(**vars(parser.parse_args(arguments)))


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
