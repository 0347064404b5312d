"""What a proto file declares, and whether it says what that means."""

import re
from dataclasses import dataclass

_PACKAGE = re.compile(r"^package\s+([\w.]+)\s*;")
_DECLARATION = re.compile(r"^(\s*)(service|message|enum|rpc)\s+(\w+)")
_COMMENT = re.compile(r"^\s*//\s?(.*)$")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A service, message, enum or rpc. `says` is the first sentence of the comment above, empty for none."""

    sort: str
    name: str
    says: str
    line: int


@dataclass(frozen=True)
class Contract:
    """A proto file: its package, what its head comment says, and its declarations in order."""

    package: str
    lead: str
    declarations: tuple[Declaration, ...]


def read_contract(text: str) -> Contract:
    """Reads a proto file that is formatted as `buf format` leaves it: one declaration a line, comments above."""
    package = lead = ""
    declarations: list[Declaration] = []
    comment: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _COMMENT.match(line):
            comment.append(found[1])
            continue
        if line.startswith("syntax"):
            lead = " ".join(comment)
        if found := _PACKAGE.match(line):
            package = found[1]
        if found := _DECLARATION.match(line):
            declarations.append(Declaration(found[2], found[3], first_sentence(" ".join(comment)), number))
        comment = []
    return Contract(package, lead, tuple(declarations))


def first_sentence(text: str) -> str:
    """The first sentence of a text, on one line."""
    text = " ".join(text.split())
    end = re.search(r"[.!?:](?=\s|$)", text)
    return text[: end.end()] if end else text
