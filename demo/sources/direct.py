"""The same sources without the suite: straight from the disk, from git and from the functions themselves.

What the fleet answers is compared with what the same work answers on these.
"""

import asyncio
import io
import os
import subprocess
import zipfile
from pathlib import Path

from demo.documents import contract, docstrings, markdown
from demo.work.sources import Commit, SourceMissing

_NEVER_LISTED = frozenset({"node_modules", "__pycache__"})


class DiskFiles:
    """The files below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def all(self) -> list[str]:
        """Every file that is not in a hidden folder."""
        found: list[str] = []
        for folder, folders, names in os.walk(self._root):
            folders[:] = [name for name in folders if not name.startswith(".") and name not in _NEVER_LISTED]
            base = Path(folder).relative_to(self._root)
            found += [(base / name).as_posix() for name in names if not name.startswith(".")]
        return sorted(found)

    async def read(self, path: str) -> str:
        """The text of a file. Raises SourceMissing."""
        try:
            return (self._root / path).read_bytes().decode(errors="replace")
        except OSError:
            raise SourceMissing(path) from None

    async def exist(self, path: str) -> bool:
        """Whether there is a file or folder of that path."""
        return (self._root / path).exists()


class DirectAnalyst:
    """The functions that the demo's MCP server offers, called here."""

    async def outline(self, text: str) -> markdown.Outline:
        """The headings of a Markdown text."""
        return markdown.outline(text)

    async def links(self, text: str) -> tuple[markdown.Link, ...]:
        """The links of a Markdown text."""
        return markdown.links(text)

    async def measure(self, text: str) -> markdown.Measure:
        """The size of a Markdown text."""
        return markdown.measure(text)

    async def contract(self, text: str) -> contract.Contract:
        """What a proto file declares."""
        return contract.read_contract(text)

    async def docstrings(self, source: str) -> docstrings.ModuleDocs:
        """What a Python module says about itself."""
        return docstrings.read_docstrings(source)


class GitCommand:
    """The history, by the command `git`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def head(self) -> str:
        """The present commit; empty where there is no repository, no commit or no git."""
        return (await self._run("rev-parse", "--verify", "--quiet", "HEAD") or "").strip()

    async def export(self, revision: str, folder: Path) -> Path:
        """Writes the files as of a commit below a new folder, which it answers."""
        archive = await self._output("archive", "--format=zip", revision)
        with zipfile.ZipFile(io.BytesIO(archive or b"")) as files:
            files.extractall(folder)
        return folder

    async def commits(self, limit: int) -> list[Commit]:
        """The latest commits, newest first."""
        log = await self._run("log", f"--max-count={limit}", "--format=%H%x09%ad%x09%s", "--date=format:%Y-%m-%d")
        return [Commit(*line.split("\t", 2)) for line in (log or "").splitlines()]

    async def text_at(self, sha: str, path: str) -> str | None:
        """The text of a file as of a commit; None where it did not exist."""
        return await self._run("cat-file", "blob", f"{sha}:{path}")

    async def _run(self, *arguments: str) -> str | None:
        output = await self._output(*arguments)
        return None if output is None else output.decode(errors="replace")

    async def _output(self, *arguments: str) -> bytes | None:
        """What git prints; None when it fails or is not there."""
        command = ("git", "-C", str(self._root), *arguments)
        try:
            answer = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
        except OSError:
            return None
        return answer.stdout if answer.returncode == 0 else None
