"""What goes into the tasks and what comes out of them."""

from dataclasses import dataclass
from enum import StrEnum

from demo.documents.kinds import Document, Kind


@dataclass(frozen=True, slots=True)
class Assignment:
    """The input of every task about one document. `revision` is the commit taken for the present; empty: none."""

    document: Document
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """The documents found."""

    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A heading, a declaration or a module. `says` is its first sentence, if it has one of its own."""

    level: int
    title: str
    says: str
    line: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Something public that says nothing about itself, and where it is."""

    name: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Summary:
    """One document in short. `digest` is the SHA-256 of its text, `words` counts prose only."""

    path: str
    kind: Kind
    digest: str
    size: int
    lines: int
    words: int
    title: str
    lead: str
    parts: tuple[Part, ...]
    silent: tuple[Silence, ...]


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """A link that leads nowhere."""

    line: int
    target: str
    why: str


@dataclass(frozen=True, slots=True)
class LinkCheck:
    """The links of one document. `internal` are the paths they lead to, `external` addresses that were not tried."""

    path: str
    internal: tuple[str, ...]
    external: tuple[str, ...]
    broken: tuple[BrokenLink, ...]


class Standing(StrEnum):
    """What the history knows of a document."""

    DATED = "dated"
    OLDER = "older"
    UNCOMMITTED = "uncommitted"


@dataclass(frozen=True, slots=True)
class Age:
    """The commit that last changed a document. An OLDER one changed in that commit, the oldest looked at, or before."""

    path: str
    standing: Standing
    commit: str = ""
    date: str = ""
    subject: str = ""
