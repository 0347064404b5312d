"""python -m chaos --seed N --seconds N: exits with 1 when a promise was broken."""

import argparse
import asyncio
import random
import sys
from pathlib import Path

from chaos.run import Crowd, run


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Runs once."""
    parser = argparse.ArgumentParser(prog="chaos", description="Kill real processes under load and judge the history.")
    parser.add_argument("--seed", type=int, default=None, help="repeats the choices of a run; else a new one is drawn")
    parser.add_argument("--seconds", type=float, default=600.0, help="for how long to kill")
    parser.add_argument("--slow", type=float, default=0.0, help="how many seconds one receiver takes for a message")
    parser.add_argument("--room", type=int, default=0, help="how many messages may wait in all mailboxes together")
    parser.add_argument("--logs", type=Path, default=None, help="a folder to keep journals and logs in")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    report = asyncio.run(run(seed, options.seconds, say, Crowd(options.slow, options.room), options.logs))
    for line in report.lines():
        say(line)
    return 0 if report.flawless else 1


if __name__ == "__main__":
    sys.exit(main())
