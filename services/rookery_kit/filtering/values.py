"""What a value means to a field of some kind."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from rookery_kit.filtering.expression import Literal
from rookery_kit.filtering.invalid import InvalidFilter

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_REAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION = re.compile(r"(-?\d+(?:\.\d{1,9})?)s", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_INT64 = range(-(2**63), 2**63)
_BOOLEANS = {"true": True, "false": False}

V = TypeVar("V")


def read_integer(value: Literal) -> int:
    """A whole number of 64 bits. Raises InvalidFilter, as all of these do."""
    return _read(value, _INTEGER, _int64, "a whole number of 64 bits, such as 42")


def read_real(value: Literal) -> float:
    """A finite number."""
    return _read(value, _REAL, _finite, "a number, such as 0.5")


def read_boolean(value: Literal) -> bool:
    """`true` or `false`."""
    return _read(value, re.compile("true|false"), _BOOLEANS.__getitem__, "true or false")


def read_timestamp(value: Literal) -> datetime:
    """A moment of RFC 3339, with its offset; digits below the microsecond are cut off."""
    return _read(value, _TIMESTAMP, _moment, "a timestamp of RFC 3339, such as 2026-11-21T08:30:00Z")


def read_duration(value: Literal) -> timedelta:
    """Seconds, with the unit."""
    return _read(value, _DURATION, _seconds, "a duration in seconds, such as 20s or 1.5s")


def read_uuid(value: Literal) -> str:
    """A UUID, in lower case."""
    return _read(value, _UUID, lambda text: str(UUID(text)), "a UUID")


def _read(value: Literal, shape: re.Pattern[str], convert: Callable[[str], V], what: str) -> V:
    try:
        if shape.fullmatch(value.text):
            return convert(value.text)
    except (ValueError, OverflowError):
        pass
    raise InvalidFilter(value.position, f"expected {what}")


def _int64(text: str) -> int:
    if int(text) not in _INT64:
        raise ValueError(text)
    return int(text)


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.upper()).astimezone(UTC)


def _seconds(text: str) -> timedelta:
    return timedelta(seconds=float(text.removesuffix("s")))
