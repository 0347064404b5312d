"""What the work needs from the outside. Agents get it through tools, the demo's own check without them."""

from dataclasses import dataclass
from typing import Protocol

from demo.documents.contract import Contract
from demo.documents.docstrings import ModuleDocs
from demo.documents.markdown import Link, Measure, Outline


class SourceMissing(Exception):
    """There is no such file."""


class Files(Protocol):
    """The files of the repository. Paths are relative to its root and use slashes."""

    async def all(self) -> list[str]:
        """Every file, without hidden folders."""
        ...

    async def read(self, path: str) -> str:
        """The text of a file. Raises SourceMissing."""
        ...

    async def exist(self, path: str) -> bool:
        """Whether there is a file or folder of that path."""
        ...


class Analyst(Protocol):
    """Reads one text closely."""

    async def outline(self, text: str) -> Outline:
        """The headings of a Markdown text."""
        ...

    async def links(self, text: str) -> tuple[Link, ...]:
        """The links of a Markdown text."""
        ...

    async def measure(self, text: str) -> Measure:
        """The size of a Markdown text."""
        ...

    async def contract(self, text: str) -> Contract:
        """What a proto file declares."""
        ...

    async def docstrings(self, source: str) -> ModuleDocs:
        """What a Python module says about itself."""
        ...


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. `date` is a day in ISO 8601."""

    sha: str
    date: str
    subject: str


class Past(Protocol):
    """The history of the repository."""

    async def commits(self, limit: int) -> list[Commit]:
        """The latest commits, newest first."""
        ...

    async def text_at(self, sha: str, path: str) -> str | None:
        """The text of a file as of a commit; None where it did not exist."""
        ...
