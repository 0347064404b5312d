"""What a listing can be filtered by.

SQL text comes from the kinds of fields and from the columns and conditions that a service writes down, values only
ever as parameters: nothing that a caller sends becomes SQL.
"""

from dataclasses import dataclass, field
from typing import Protocol

from rookery_kit.filtering.expression import Comparison, Operator
from rookery_kit.filtering.invalid import InvalidFilter


@dataclass(slots=True)
class Parameters:
    """Collects the values of a statement, numbered from `first`."""

    first: int
    values: list[object] = field(default_factory=list)

    def add(self, value: object, sql_type: str) -> str:
        """Keeps a value and answers how SQL names it."""
        self.values.append(value)
        return f"${self.first + len(self.values) - 1}::{sql_type}"


class Field(Protocol):
    """Something that a listing can be filtered by."""

    def condition(self, comparison: Comparison, parameters: Parameters) -> str:
        """The comparison in SQL, where NULL counts as false.

        Raises InvalidFilter when the field cannot be compared so.
        """
        ...


def require_operator(comparison: Comparison, *operators: Operator) -> None:
    """Raises InvalidFilter unless the field knows the operator."""
    if comparison.operator not in operators:
        known = " ".join(operator.value for operator in operators)
        raise InvalidFilter(comparison.position, f"`{comparison.field}` is compared with {known} only")


def require_no_key(comparison: Comparison) -> None:
    """Raises InvalidFilter when a key is asked of a field that is no map."""
    if len(comparison.path) > 1:
        raise InvalidFilter(comparison.position, f"`{comparison.path[0]}` has no fields of its own")


def require_presence(comparison: Comparison) -> None:
    """Raises InvalidFilter when `:` asks a field of one value for anything but its presence."""
    if not comparison.value.anything:
        raise InvalidFilter(comparison.position, f"compare `{comparison.field}` with =, or ask for presence with :*")
