"""The environment of the peers beside which benchmarks measure, apart from ours, with which their dependencies clash.

It is made at the first need and remembered by the digest of its lock, so that the next benchmark finds it ready.
"""

import asyncio
import fcntl
import hashlib
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from bench.measure import NotMeasurable

_ROOT = Path(__file__).resolve().parent.parent
_LOCK = _ROOT / "requirements" / "peers.txt"
_FOLDER = _ROOT / ".cache" / "peers-venv"
_INSTALL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class PeerEnvironment:
    """A virtual environment of the Python that runs the benchmark."""

    folder: Path

    @property
    def interpreter(self) -> Path:
        """Runs modules that import the peers."""
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Where the packages lie."""
        base = str(self.folder)
        return Path(sysconfig.get_path("platlib", "venv", {"base": base, "platbase": base}))

    def version(self, name: str) -> str:
        """The version of a package that the lock names."""
        (found,) = distributions(name=name, path=[str(self.packages)])
        return found.version


async def peer_environment() -> PeerEnvironment:
    """The environment as the lock describes it, made if need be. Raises NotMeasurable where it cannot be made."""
    try:
        return await asyncio.to_thread(_made)
    except OSError as error:
        raise NotMeasurable(f"the peers cannot be installed: {error}") from error


def _made() -> PeerEnvironment:
    environment = PeerEnvironment(_FOLDER)
    ready = _FOLDER / ".ready"
    digest = hashlib.sha256(_LOCK.read_bytes() + sys.version.encode()).hexdigest()
    _FOLDER.parent.mkdir(exist_ok=True)
    with _FOLDER.with_name("peers-venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (environment.interpreter.exists() and ready.exists() and ready.read_text() == digest):
            print("bench: installing the peers, once, into .cache/peers-venv", file=sys.stderr, flush=True)
            _run(sys.executable, "-m", "venv", "--clear", str(_FOLDER))
            pip = [str(environment.interpreter), "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
            _run(*pip, "install", "--no-deps", "--require-hashes", "--requirement", str(_LOCK))
            ready.write_text(digest)
    return environment


def _run(*command: str) -> None:
    variables = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    try:
        subprocess.run(command, env=variables, capture_output=True, text=True, check=True, timeout=_INSTALL_SECONDS)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines() or [f"exit code {error.returncode}"]
        reason = next((line for line in said if line.startswith("ERROR:")), said[-1])
        raise NotMeasurable(f"the peers cannot be installed: {reason}") from error
    except subprocess.TimeoutExpired as error:
        raise NotMeasurable(f"the peers are not installed after {_INSTALL_SECONDS:g} s") from error
