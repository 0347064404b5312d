"""A step of checking, what came of it, and how commands are run within one."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = ROOT / ".venv" / "bin"


class Failed(Exception):
    """The step found a fault; what it is has been printed, or is the message."""


class Skipped(Exception):
    """The step cannot be taken here; the message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One check. `run` answers a note for the summary, or raises Failed or Skipped.

    The note of a test run is pytest's own summary line.
    """

    name: str
    run: Callable[[], str]
    is_test_run: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step. `verdict` is ok, FAILED or skipped; `note` explains it."""

    step: Step
    verdict: str
    note: str
    seconds: float


def take(step: Step) -> Outcome:
    """Prints the step's header, runs it and answers its outcome, a failed one included."""
    print(f"\n{f' {step.name} ':=^100}", flush=True)
    begun = time.monotonic()
    verdict = "ok"
    try:
        note = step.run()
    except Failed as fault:
        verdict, note = "FAILED", str(fault)
    except Skipped as reason:
        verdict, note = "skipped", str(reason)
        print(f"skipped: {note}", flush=True)
    return Outcome(step, verdict, note, time.monotonic() - begun)


def run(command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> None:
    """Runs a command from the root, its output shown. Raises Failed when it does not end with 0."""
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if code:
        raise Failed(f"{Path(command[0]).name} ended with {code}")


def run_and_keep_last_line(command: Sequence[str | Path], *, environment: Mapping[str, str]) -> tuple[int, str]:
    """Runs a command from the root, its output shown as it comes. Answers its exit code and last line."""
    last = ""
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            last = line.strip() or last
    return process.returncode, last


def search_path(*first: Path) -> dict[str, str]:
    """The environment of this process with folders put first on the search path for programs."""
    return {**os.environ, "PATH": os.pathsep.join([*map(str, first), os.environ.get("PATH", os.defpath)])}


def folders_with_python(*names: str) -> list[str]:
    """Those of the named folders that hold Python files; a folder yet to be written is no fault."""
    return [name for name in names if any((ROOT / name).rglob("*.py"))]
