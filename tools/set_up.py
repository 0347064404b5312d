"""Builds `.venv` from the locked requirements, this project in it in editable mode, and the npm MCP server.

Usage: python tools/set_up.py

Runs on any Python 3.11 or newer, with the standard library alone. What was done is remembered by the digest of its
inputs, so that a repetition with the same inputs does nothing, and an interrupted run is taken up again.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
READY = VENV / ".ready"
REQUIREMENTS = ROOT / "requirements" / "dev.txt"
NPM_FOLDER = ROOT / "demo" / "mcp-servers"
NPM_EXAMPLE_FOLDER = ROOT / "examples" / "nats"
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20


def main() -> int:
    """Does what is not done yet. Answers the exit code of the process."""
    VENV.mkdir(exist_ok=True)
    with (VENV / ".set-up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            remembered = READY.read_text().splitlines() if READY.exists() else []
            if not _usable():
                remembered = []
                _create_environment()
            steps = (
                (f"python {_digest(REQUIREMENTS.read_bytes())}", _install_requirements),
                (f"project {_digest(_what_installing_depends_on())}", _install_project),
                (f"npm {_digest((NPM_FOLDER / 'package-lock.json').read_bytes())}", _install_npm_server),
                (
                    f"npm example {_digest((NPM_EXAMPLE_FOLDER / 'package-lock.json').read_bytes())}",
                    _install_npm_example,
                ),
            )
            done = [key for key, step in steps if _once(remembered, key, step)]
        except subprocess.CalledProcessError as error:
            print(f"set-up: failed: {_shown(error.cmd)}", file=sys.stderr)
            return 1
        READY.write_text("".join(f"{key}\n" for key in done))
    return 0


def _once(remembered: list[str], key: str, step: Callable[[], bool]) -> bool:
    """Takes the step unless it is remembered. Answers whether it is done; a step may be left out."""
    return key in remembered or step()


def _usable() -> bool:
    """True for an environment whose interpreter still runs and is new enough."""
    probe = f"import sys, pip; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0


def _create_environment() -> None:
    print(f"set-up: creating .venv with Python {sys.version.split()[0]}", flush=True)
    for found in VENV.iterdir():
        if found.name != ".set-up.lock":
            shutil.rmtree(found) if found.is_dir() and not found.is_symlink() else found.unlink()
    venv.create(VENV, with_pip=True)


def _install_requirements() -> bool:
    print("set-up: installing the locked requirements (the first time this takes a minute or two)", flush=True)
    # The lock names every package already. An installer that resolves once more may look at newer versions than the
    # locked ones, and then refuses them for having no hash.
    _pip("--no-deps", "--require-hashes", "--requirement", str(REQUIREMENTS))
    return True


def _install_project() -> bool:
    print("set-up: installing this project in editable mode", flush=True)
    _pip("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    return True


def _install_npm_server() -> bool:
    return _install_npm(NPM_FOLDER, "the npm MCP server")


def _install_npm_example() -> bool:
    return _install_npm(NPM_EXAMPLE_FOLDER, "the Node example of an agent on NATS")


def _install_npm(folder: Path, what: str) -> bool:
    """Installs what the lock file of a folder names; where that cannot be, says what is missing then."""
    version = _node_version()
    if version is None or shutil.which("npm") is None:
        print(f"set-up: no Node {OLDEST_NODE} or newer with npm: {what} is left out, all else works")
        return False
    print(f"set-up: installing {what}", flush=True)
    try:
        _run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"],
            cwd=folder,
        )
    except subprocess.CalledProcessError as error:
        print(f"set-up: npm ended with {error.returncode}: {what} is left out, all else works")
        return False
    return True


def _node_version() -> int | None:
    """The major version of Node; None where there is none, or none that is new enough."""
    if shutil.which("node") is None:
        return None
    answer = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    major = answer.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() and int(major) >= OLDEST_NODE else None


def _pip(*arguments: str) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-warn-script-location"]
    _run([str(PYTHON), "-m", "pip", "install", *quiet, *arguments], cwd=ROOT)


def _run(command: Sequence[str], cwd: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    subprocess.run(command, cwd=cwd, env=environment, check=True)


def _what_installing_depends_on() -> bytes:
    """The part of pyproject.toml that decides on the installed project; settings of the checks change nothing in it."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [document["build-system"], document["project"], document["tool"]["hatch"]]
    return json.dumps(parts, sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _shown(command: Sequence[str]) -> str:
    return " ".join(str(Path(word).relative_to(ROOT)) if word.startswith(str(ROOT)) else word for word in command)


if __name__ == "__main__":
    sys.exit(main())
