"""Fields of one value."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rookery_kit.filtering.comparing import compared, text_compared
from rookery_kit.filtering.expression import Comparison, Literal, Operator
from rookery_kit.filtering.fields import Parameters, require_no_key, require_operator, require_presence
from rookery_kit.filtering.invalid import InvalidFilter
from rookery_kit.filtering.values import (
    read_boolean,
    read_duration,
    read_integer,
    read_real,
    read_timestamp,
    read_uuid,
)

_ALL = tuple(Operator)
_UNORDERED = (Operator.EQUAL, Operator.UNEQUAL, Operator.HAS)
_ENUM_NAME = re.compile("[A-Za-z0-9_]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or an expression of the service's. `:*` asks whether it has a value."""

    sql: str
    sql_type: str
    read: Callable[[Literal], object]
    operators: tuple[Operator, ...] = _ALL

    def condition(self, comparison: Comparison, parameters: Parameters) -> str:
        """The comparison in SQL."""
        require_no_key(comparison)
        require_operator(comparison, *self.operators)
        if comparison.operator is Operator.HAS:
            require_presence(comparison)
            return f"{self.sql} IS NOT NULL"
        return compared(self.sql, comparison.operator, parameters.add(self.read(comparison.value), self.sql_type))


def integer(sql: str) -> Column:
    """A column of whole numbers."""
    return Column(sql, "bigint", read_integer)


def real(sql: str) -> Column:
    """A column of numbers."""
    return Column(sql, "double precision", read_real)


def boolean(sql: str) -> Column:
    """A column that is true or false."""
    return Column(sql, "boolean", read_boolean, _UNORDERED)


def timestamp(sql: str) -> Column:
    """A column of moments, `timestamptz`."""
    return Column(sql, "timestamptz", read_timestamp)


def duration(sql: str) -> Column:
    """A column of durations, `interval`."""
    return Column(sql, "interval", read_duration)


def uuid(sql: str) -> Column:
    """A column of UUIDs."""
    return Column(sql, "uuid", read_uuid, _UNORDERED)


@dataclass(frozen=True, slots=True)
class Text:
    """A column of text. With = and != a value that ends in `*` stands for all that begin so.

    Only a column of COLLATE "C" is looked up in its index for that.
    """

    sql: str

    def condition(self, comparison: Comparison, parameters: Parameters) -> str:
        """The comparison in SQL."""
        require_no_key(comparison)
        if comparison.operator is Operator.HAS:
            require_presence(comparison)
            return f"{self.sql} IS NOT NULL"
        return text_compared(self.sql, comparison.operator, comparison.value, parameters)


@dataclass(frozen=True, slots=True)
class Choice:
    """A field of a few named values; each name with the condition in SQL under which the field has it."""

    conditions: Mapping[str, str]

    def condition(self, comparison: Comparison, parameters: Parameters) -> str:
        """The comparison in SQL."""
        require_no_key(comparison)
        require_operator(comparison, Operator.EQUAL, Operator.UNEQUAL)
        chosen = self.conditions.get(comparison.value.text)
        if chosen is None:
            raise InvalidFilter(comparison.value.position, f"expected one of {', '.join(self.conditions)}")
        return f"({chosen})" if comparison.operator is Operator.EQUAL else f"({chosen}) IS NOT TRUE"


def enumeration(sql: str, values: Mapping[str, int | str]) -> Choice:
    """A column that holds an enum's value, as the number or the text that stands beside its name in `values`.

    Raises ValueError on a text that is no plain name.
    """
    return Choice({name: f"{sql} = {_constant(value)}" for name, value in values.items()})


def _constant(value: int | str) -> str:
    if isinstance(value, int):
        return str(int(value))
    if not _ENUM_NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not the name of an enum's value")
    return f"'{value}'"
