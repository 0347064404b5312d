"""The files of this repository, as architecture tests look at them."""

import ast
import gc
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SERVICES = ROOT / "services"
SERVICE_PACKAGES = ("rookery_auth", "rookery_registry", "rookery_orchestrator", "rookery_tool_executor")
_HAND_WRITTEN = ("services", "clients", "tests", "tools", "bench", "demo")
_BUILT = {".git", ".venv", ".cache", ".rookery", "node_modules", "__pycache__", "build", "dist"}


@cache
def files() -> tuple[Path, ...]:
    """Every file that is, or could be, committed; without git, every file outside the folders that are built."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        return tuple(sorted(_walk()))
    paths = (ROOT / name for name in listed.split("\0") if name)
    return tuple(sorted(path for path in paths if path.is_file() and not path.is_symlink()))


def _walk() -> Iterator[Path]:
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in _BUILT and not name.endswith("_cache")]
        yield from (Path(folder) / name for name in names)


def python_files(*folders: str) -> tuple[Path, ...]:
    """Python files that people write, in the folders named (relative to the root), or in all."""
    roots = [ROOT / folder for folder in folders or _HAND_WRITTEN]
    return tuple(path for path in files() if path.suffix == ".py" and any(path.is_relative_to(root) for root in roots))


@cache
def syntax_tree(path: Path) -> ast.Module:
    """The parsed module."""
    # A finalizer that runs in the middle and formats a traceback would parse, too, which CPython 3.11 cannot do.
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    finally:
        gc.enable()


def shown(path: Path) -> str:
    """The path as a person at the root would type it."""
    return str(path.relative_to(ROOT))
