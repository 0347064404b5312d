"""Turning the work's values into what JSON can say, and back."""

from typing import TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


def encode(value: object) -> object:
    """A value of the work's model as JSON has it."""
    encoded: object = TypeAdapter(type(value)).dump_python(value, mode="json")
    return encoded


def decode(value_type: type[T], value: object) -> T:
    """A value of the given type. Raises pydantic.ValidationError, a ValueError, when it is not one."""
    return TypeAdapter(value_type).validate_python(value)
