"""Which files are documentation, and of which kind."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

# Generated code documents nothing that its source does not, tests tell by their names what they show, and fragments
# of the changelog are no pages yet.
_LEFT_OUT = frozenset({"gen", "tests", "changelog.d", "node_modules", "build", "dist", "__pycache__"})


class Kind(StrEnum):
    """What a document is written in."""

    MARKDOWN = "markdown"
    PROTO = "proto"
    PACKAGE = "package"


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `sources` are the files it consists of: the modules of a package, else the file itself."""

    path: str
    kind: Kind
    sources: tuple[str, ...]


def documents_among(files: Iterable[str]) -> tuple[Document, ...]:
    """The documents among files, ordered by path.

    Paths are relative and use slashes. Markdown files and protos count each for themselves, Python modules with the
    package they lie in; hidden folders and what is generated are left out.
    """
    wanted = [file for file in files if _counts(PurePosixPath(file))]
    found = [Document(file, Kind.MARKDOWN, (file,)) for file in wanted if file.endswith(".md")]
    found += [Document(file, Kind.PROTO, (file,)) for file in wanted if file.endswith(".proto")]
    modules = [file for file in wanted if file.endswith(".py")]
    for init in modules:
        folder, slash, name = init.rpartition("/")
        if slash and name == "__init__.py":
            inside = sorted(each for each in modules if each.rpartition("/")[0] == folder)
            found.append(Document(folder, Kind.PACKAGE, tuple(inside)))
    return tuple(sorted(found, key=lambda document: document.path))


def _counts(path: PurePosixPath) -> bool:
    return not any(part in _LEFT_OUT or part.startswith(".") for part in path.parts)
