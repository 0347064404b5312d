"""The test runs: everything in-process with line coverage, then end to end over the built wheel."""

import os
import re
import sys
import tempfile
import venv
from pathlib import Path

from tools.checks.step import BIN, ROOT, Failed, Skipped, Step, run, run_and_keep_last_line, search_path

WORKERS = "3"
LEAST_COVERAGE = 85
# More than so many failures are no accident of a busy machine.
MOST_TAKEN_AGAIN = 5
_SOME_FAILED = 1


def _tests() -> str:
    folders = _folders_with_tests("unit", "store", "integration", "architecture")
    coverage = ["--cov", "--cov-report=term", f"--cov-fail-under={LEAST_COVERAGE}"]
    return _pytest(Path(sys.executable), folders, [*coverage, "-n", WORKERS], search_path(BIN))


def _end_to_end() -> str:
    folders = _folders_with_tests("e2e")
    with tempfile.TemporaryDirectory(prefix="rookery-wheel-") as folder:
        python = _install_wheel(Path(folder))
        return _pytest(python, folders, ["-n", WORKERS], search_path(python.parent, BIN))


def _install_wheel(folder: Path) -> Path:
    """Builds the wheel and installs it alone into an environment that borrows the dependencies of `.venv`.

    Path entries of `.venv`'s own .pth files are not followed, so the sources of this checkout are out of sight: a
    package that the wheel forgot is missing there.
    """
    quiet = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    run([*quiet, str(ROOT)], environment={**os.environ, "PYTHONWARNINGS": "ignore"})
    wheel = next(folder.glob("*.whl"))
    environment = folder / "venv"
    venv.create(environment)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--no-deps", "--no-index", str(wheel)])
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    borrowed = BIN.parent / "lib" / version / "site-packages"
    (environment / "lib" / version / "site-packages" / "borrowed.pth").write_text(f"{borrowed}\n")
    run([python, "-c", "import rookery_kit, sys; sys.exit(not rookery_kit.__file__.startswith(sys.prefix))"])
    return python


def _pytest(python: Path, folders: list[str], options: list[str], environment: dict[str, str]) -> str:
    """Runs pytest and answers its summary line; raises Failed with that line when a test failed.

    A few tests that failed are run once more, one after the other: real servers and processes can starve beside other
    tests on a busy machine. What failed the first time stands in the summary all the same.
    """
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    command: list[str | Path] = [python, "-m", "pytest", *folders, *colour]
    code, line = run_and_keep_last_line([*command, *options], environment=environment)
    if code == _SOME_FAILED and 0 < failures(line) <= MOST_TAKEN_AGAIN:
        print("\nonce more, alone:", flush=True)
        again = ["--last-failed", "--last-failed-no-failures", "none"]
        code, second = run_and_keep_last_line([*command, *again], environment=environment)
        line = f"{line} once more, alone: {second}"
    if code:
        raise Failed(line)
    return line


def failures(summary: str) -> int:
    """How many tests failed or broke off, as pytest's summary line says."""
    return sum(int(count) for count in re.findall(r"(\d+) (?:failed|errors?)\b", summary))


def _folders_with_tests(*names: str) -> list[str]:
    folders = [f"tests/{name}" for name in names if any((ROOT / "tests" / name).rglob("test_*.py"))]
    if not folders:
        raise Skipped(f"there are no tests in {', '.join(f'tests/{name}' for name in names)}")
    return folders


STEPS = (Step("tests", _tests, is_test_run=True), Step("e2e", _end_to_end, is_test_run=True))
