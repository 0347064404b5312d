"""What a filter says, once read."""

from dataclasses import dataclass
from enum import Enum


class Operator(Enum):
    """How a field is compared with a value."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    HAS = ":"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value; what it means depends on the field. One that a program makes stands for itself, letter by letter.

    `written` says that it comes out of a filter, where a `*` at its end may stand for more. `position` counts
    characters from 1.
    """

    text: str
    quoted: bool = True
    written: bool = False
    position: int = 1

    @property
    def anything(self) -> bool:
        """Whether it is the bare `*`, with which `:` asks for presence."""
        return self.text == "*" and not self.quoted

    @property
    def prefix(self) -> str | None:
        """What comes before the `*` at the end of a written value; None when there is none."""
        return self.text[:-1] if self.written and self.text.endswith("*") else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field, an operator and a value. The path is the field's name and, for a map, the parts of a key."""

    path: tuple[str, ...]
    operator: Operator
    value: Literal
    position: int = 1

    @property
    def field(self) -> str:
        """The field as written."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Not:
    """Holds where its term does not."""

    term: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """Holds where all of its terms do; without terms, everywhere."""

    terms: tuple["Expression", ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    """Holds where one of its terms does."""

    terms: tuple["Expression", ...]


Expression = And | Or | Not | Comparison

EVERYTHING = And()
"""What the empty filter says."""
