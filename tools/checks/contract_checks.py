"""Checks of the contract: proto style, format, breaking changes, and generated code that is up to date."""

import filecmp
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.checks.step import BIN, ROOT, Failed, Skipped, Step, run

GENERATE = [sys.executable, "tools/generate.py"]
THIRD_PARTY = Path(".cache") / "third_party_protos"


def _drift() -> str:
    """Regenerates beside the committed code; also puts the third-party protos where buf looks for them."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "gen"
        run([*GENERATE, "--output", fresh])
        differing = sorted(_differences(fresh, ROOT / "gen"))
    for name in differing:
        print(f"gen/{name} is not what proto/ says")
    if differing:
        raise Failed("gen/ is out of date; run `make gen`")
    return ""


def _differences(left: Path, right: Path) -> set[str]:
    """The relative names of files that only one side has, or whose bytes differ."""
    names = [
        {str(path.relative_to(side)) for path in side.rglob("*") if path.is_file() and path.suffix != ".pyc"}
        for side in (left, right)
    ]
    both = names[0] & names[1]
    return (names[0] ^ names[1]) | {name for name in both if not filecmp.cmp(left / name, right / name, shallow=False)}


def _proto_lint() -> str:
    run([BIN / "buf", "lint"])
    return ""


def _proto_format() -> str:
    run([BIN / "buf", "format", "--diff", "--exit-code", "proto"])
    return ""


def _breaking() -> str:
    """Compares with the last commit when proto/ has changes since, else with the commit before it.

    A break that a fragment of the changelog announces is shown and let through: the next release says so to users.
    """
    baseline = "HEAD" if _git("status", "--porcelain", "--", "proto").strip() else "HEAD~1"
    try:
        commit = _git("rev-parse", "--verify", "--quiet", "--short", f"{baseline}^{{commit}}").decode().strip()
    except Skipped:
        raise Skipped(f"this clone holds no {baseline} to compare with") from None
    if not _git("ls-tree", "--name-only", commit, "proto/"):
        raise Skipped(f"there are no protos in commit {commit} to compare with")
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder)
        with tarfile.open(fileobj=io.BytesIO(_git("archive", commit, "proto", "buf.yaml"))) as archive:
            archive.extractall(before, filter="data")
        shutil.copytree(ROOT / THIRD_PARTY, before / THIRD_PARTY)
        try:
            run([BIN / "buf", "breaking", "--against", before])
        except Failed:
            announced = sorted(path.name for path in (ROOT / "changelog.d").glob("*.breaking.md"))
            if not announced:
                raise Failed(f"breaks callers of commit {commit}; announce it in changelog.d/*.breaking.md") from None
            return f"breaks callers of commit {commit}, as {announced[0]} announces"
    return f"against commit {commit}"


def _git(*arguments: str) -> bytes:
    """What git answers. Raises Skipped with git's own words when it refuses, or is not there."""
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise Skipped("there is no git") from None
    except subprocess.CalledProcessError as error:
        raise Skipped(error.stderr.decode().strip() or f"git {arguments[0]} refused") from None


STEPS = (
    Step("generated code", _drift),
    Step("proto lint", _proto_lint),
    Step("proto format", _proto_format),
    Step("proto breaking changes", _breaking),
)
