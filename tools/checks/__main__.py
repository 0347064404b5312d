"""Runs the checks one after the other, all of them even after a fault, and sums up.

Usage: python -m tools.checks [--static | --only NAME ...]

Exits 0 when no check failed. The last lines are pytest's own summaries of its runs.
"""

import argparse
import sys

from tools.checks import contract_checks, file_sizes, pytest_runs, python_checks
from tools.checks.step import Outcome, take

STATIC = (*python_checks.STEPS, file_sizes.STEP, *contract_checks.STEPS)
ALL = (*STATIC, *pytest_runs.STEPS)


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line, takes the steps chosen and answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.checks", description="Runs the checks and tests.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--static", action="store_true", help="only the checks that run no test")
    choice.add_argument("--only", nargs="+", choices=[step.name for step in ALL], default=[], metavar="NAME")
    options = parser.parse_args(arguments)
    chosen = STATIC if options.static else [step for step in ALL if not options.only or step.name in options.only]
    outcomes = [take(step) for step in chosen]
    sum_up(outcomes)
    return int(any(outcome.verdict == "FAILED" for outcome in outcomes))


def sum_up(outcomes: list[Outcome]) -> None:
    """Prints a line for each outcome, then what the test runs themselves said last."""
    print(f"\n{' summary ':=^100}")
    closing = [outcome.note for outcome in outcomes if outcome.step.is_test_run and outcome.verdict != "skipped"]
    for outcome in outcomes:
        note = "" if outcome.note in closing else outcome.note
        print(f"{outcome.verdict:8} {outcome.step.name:24} {outcome.seconds:6.1f} s  {note}".rstrip())
    print(f"{sum(outcome.seconds for outcome in outcomes):41.1f} s  in all")
    for line in closing:
        print(line)


if __name__ == "__main__":
    sys.exit(main())
