"""Moments and lengths of time in requests, which the wire can hold wider than anybody counts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from rookery_kit.errors import InvalidArgument

T = TypeVar("T")


def moment_in(request: Message, field: str) -> datetime | None:
    """What a Timestamp field says, in UTC; None where it is not set. Raises InvalidArgument with the field's name."""
    if not request.HasField(field):
        return None
    timestamp: Timestamp = getattr(request, field)
    return _read(field, lambda: timestamp.ToDatetime(UTC), "must be a time from the year 1 to the year 9999")


def length_in(request: Message, field: str) -> timedelta | None:
    """What a Duration field says; None where it is not set. Raises InvalidArgument with the field's name."""
    if not request.HasField(field):
        return None
    duration: Duration = getattr(request, field)
    return _read(field, duration.ToTimedelta, "must be a length of time of less than ten thousand years")


def seconds_in(request: Message, field: str) -> float | None:
    """The same in seconds."""
    length = length_in(request, field)
    return None if length is None else length.total_seconds()


def _read(field: str, read: Callable[[], T], said: str) -> T:
    try:
        return read()
    except (ValueError, OverflowError):
        raise InvalidArgument(f"{field} {said}", ((field, said),)) from None
