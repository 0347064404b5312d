"""`python -m bench [SUITE ...]`: runs the suites, all by default, prints a table and writes results/latest.json."""

import argparse
import asyncio
import sys

from rich.console import Console

from bench.measure import MeasureFailed, NotMeasurable
from bench.report import RESULTS, show, write
from bench.rounds import ROUNDS, Row, machine, run
from bench.suites import SUITES


async def measure(names: list[str], rounds: int, progress: Console) -> tuple[list[Row], bool]:
    """Every row of the named suites that can be measured here, and whether any was lost to a fault.

    What goes wrong with one group is told, and costs the others nothing.
    """
    rows: list[Row] = []
    failed = False
    for name in names:
        for open_group in SUITES[name]:
            try:
                async with open_group() as measures:
                    for each in measures:
                        names_of_rows = ", ".join(quantity.name for quantity in each.quantities)
                        progress.print(f"{name}: {names_of_rows}", highlight=False)
                        try:
                            rows += await run(name, each, rounds)
                        except NotMeasurable as reason:
                            told = f"{name}: {names_of_rows}: could not measure: {reason}"
                            progress.print(told, highlight=False, markup=False, soft_wrap=True)
            except MeasureFailed as failure:
                failed = True
                progress.print(f"{name}: failed: {failure}", highlight=False, markup=False, soft_wrap=True)
    return rows, failed


def main() -> int:
    """Parses the command line and runs it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Runs the benchmarks.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}; all by default")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="%(default)s unless told otherwise")
    options = parser.parse_args()
    if unknown := [name for name in options.suites if name not in SUITES]:
        parser.error(f"there is no suite {unknown[0]}; there are {', '.join(SUITES)}")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    progress = Console(stderr=True)
    progress.print(", ".join(f"{name} {value}" for name, value in machine().items()), highlight=False)
    rows, failed = asyncio.run(measure(options.suites or list(SUITES), options.rounds, progress))
    write(rows)
    show(rows)
    progress.print(f"written to {RESULTS}", highlight=False)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
