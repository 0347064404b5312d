"""The wheel's dependencies and the locked requirements speak of the same packages."""

import re
import tomllib

from harness.repository import ROOT

NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")


def names(lines: list[str]) -> set[str]:
    found = (NAME.match(line) for line in lines)
    return {re.sub(r"[-_.]+", "-", match[1]).lower() for match in found if match}


def lines(name: str) -> list[str]:
    return (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()


def test_the_wheel_depends_on_what_the_runtime_lock_was_resolved_from() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert names(project["dependencies"]) == names(lines("runtime.in"))


def test_each_lock_holds_what_it_was_resolved_from() -> None:
    assert names(lines("runtime.in")) <= names(lines("runtime.txt"))
    assert names(lines("dev.in")) <= names(lines("dev.txt"))


def test_development_runs_on_the_versions_that_run_time_is_locked_to() -> None:
    pins = [
        {line.split("==")[0]: line.split()[0] for line in lines(name) if "==" in line}
        for name in ("runtime.txt", "dev.txt")
    ]
    assert pins[0].items() <= pins[1].items()
