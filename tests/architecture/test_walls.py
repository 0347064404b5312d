"""Who may import whom is stated in pyproject.toml; here it is seen to hold, and to cover everything."""

import subprocess
import sys
import tomllib
from pathlib import Path

from harness.repository import ROOT, SERVICES


def test_no_wall_is_crossed() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_stands_within_the_walls() -> None:
    roots = (SERVICES, ROOT / "clients" / "python", ROOT / "clients" / "cli")
    packages = {path.parent.name for root in roots for path in root.glob("*/__init__.py")}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert packages == set(settings["tool"]["importlinter"]["root_packages"])
