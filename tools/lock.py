"""Resolves the requirements of the project and of what is for Node, with a hash for every file.

Usage: python tools/lock.py [--upgrade]

No address of any package index is written: where packages come from is the business of who installs them.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NPM_FOLDERS = (ROOT / "demo" / "mcp-servers", ROOT / "examples" / "nats")


def main() -> int:
    """Locks everything; `--upgrade` takes newer versions than the ones locked now."""
    upgrade = sys.argv[1:]
    if upgrade not in ([], ["--upgrade"]):
        print("usage: python tools/lock.py [--upgrade]", file=sys.stderr)
        return 2
    _lock_requirements("runtime", upgrade)
    _lock_requirements("dev", [*upgrade, "--constraint", "requirements/runtime.txt"])
    # The peers of the benchmarks have an environment of their own, so that they may need other versions than we do.
    _lock_requirements("peers", upgrade)
    if shutil.which("npm") is None:
        print("lock: there is no npm: what is for Node stays as it is")
    else:
        for folder in NPM_FOLDERS:
            _lock_npm(folder, upgrade)
    return 0


def _lock_requirements(name: str, options: list[str]) -> None:
    command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", f"requirements/{name}.in"]
    command += ["--output-file", f"requirements/{name}.txt", "--generate-hashes", "--universal", "--quiet"]
    command += ["--python-version", "3.11", "--no-emit-index-url", "--no-emit-find-links", *options]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "UV_CUSTOM_COMPILE_COMMAND": "make lock"}, check=True)


def _lock_npm(folder: Path, upgrade: list[str]) -> None:
    lockfile = folder / "package-lock.json"
    if upgrade:
        lockfile.unlink(missing_ok=True)
    command = ["npm", "install", "--package-lock-only", "--omit-lockfile-registry-resolved"]
    subprocess.run([*command, "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
    document = json.loads(lockfile.read_text(encoding="utf-8"))
    for package in document["packages"].values():
        package.pop("funding", None)
    lockfile.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
