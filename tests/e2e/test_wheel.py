"""The wheel holds everything that the packages need, and starts from a folder that knows nothing of the checkout."""

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
import rookery_kit
from harness.repository import ROOT, files

INSTALLED = Path(rookery_kit.__file__).parent.parent
ROOTS = tuple(ROOT / name for name in ("gen", "services", "clients/python", "clients/cli"))

over_the_wheel = pytest.mark.skipif(
    INSTALLED.is_relative_to(ROOT / "services"), reason="this is the editable installation; `make e2e` builds a wheel"
)


@over_the_wheel
def test_every_file_of_every_package_is_in_the_wheel() -> None:
    missing = [
        str(path.relative_to(ROOT))
        for root in ROOTS
        for path in files()
        if path.is_relative_to(root) and len(path.relative_to(root).parts) > 1
        if not (INSTALLED / path.relative_to(root)).is_file()
    ]
    assert missing == []


@over_the_wheel
def test_the_wheel_holds_nothing_else() -> None:
    packages = {path.parts[0] for path in distribution("rookery").files or () if path.suffix == ".py"}
    sources = {path.parent.name for root in ROOTS for path in root.glob("*/__init__.py")}
    assert packages == sources


def test_the_command_is_installed_and_says_its_version(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("rookery")), "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert distribution("rookery").version in done.stdout
