"""Runs one agent of the fleet until SIGTERM."""

import argparse
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rookery_sdk import Agent

from demo.agents import archivist, historian, librarian, link_checker, reader, surveyor
from demo.agents.desk import Desk, Errand

ROLES: Mapping[str, Callable[[Agent, Desk], None]] = {
    "surveyor": surveyor.prepare,
    "reader": reader.prepare,
    "link-checker": link_checker.prepare,
    "historian": historian.prepare,
    "librarian": librarian.prepare,
    "archivist": archivist.prepare,
}


def main() -> int:
    """Runs the agent that the command line names. Answers the exit code of the process."""
    parser = argparse.ArgumentParser(prog="demo.agents", description="An agent of the demo's fleet.")
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--name", required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--revision", default="")
    parser.add_argument("--committed", action="store_true")
    parser.add_argument("--folder", type=Path, required=True)
    options = vars(parser.parse_args())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    role = options.pop("role")
    agent = Agent(options["name"], concurrency=4, stop_grace=2.0)
    ROLES[role](agent, Desk(Errand(**options)))
    agent.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
