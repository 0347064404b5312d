"""Checks of the Python code that run none of it: format, lint, types and walls."""

from tools.checks.step import BIN, Step, folders_with_python, run, search_path

TYPED = ("services", "clients/python", "clients/cli", "tests", "tools", "bench", "demo")


def _format() -> str:
    run([BIN / "ruff", "format", "--check", "."])
    return ""


def _lint() -> str:
    run([BIN / "ruff", "check", "."])
    return ""


def _types() -> str:
    folders = folders_with_python(*TYPED)
    run([BIN / "mypy", "--strict", *folders])
    return ", ".join(folders)


def _walls() -> str:
    run([BIN / "lint-imports", "--no-logo"], environment=search_path(BIN))
    return ""


STEPS = (Step("format", _format), Step("lint", _lint), Step("walls", _walls), Step("types", _types))
