"""Times for people and for programs."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf import duration_pb2, timestamp_pb2

# Each unit in seconds, and how many of it there are at the most before the next one is taken.
_UNITS = ((1, 60, "s"), (60, 60, "m"), (3_600, 24, "h"))
_DAY = 86_400


def rfc3339(timestamp: "timestamp_pb2.Timestamp") -> str | None:
    """For programs; None for a timestamp that is not set."""
    return timestamp.ToJsonString() if timestamp.seconds or timestamp.nanos else None


def seconds(duration: "duration_pb2.Duration") -> float:
    """For programs."""
    return duration.ToNanoseconds() / 1e9


def ago(time: str | None, now: datetime | None = None) -> str:
    """An RFC 3339 time for people: `12s ago`, `in 3m`, `2h ago`; empty for None."""
    if time is None:
        return ""
    elapsed = ((now or datetime.now(UTC)) - datetime.fromisoformat(time)).total_seconds()
    return f"{span(elapsed)} ago" if elapsed >= 0 else f"in {span(-elapsed)}"


def span(length: float) -> str:
    """So many seconds, to the nearest of the largest unit that fits: `0s`, `59s`, `2m`, `3h`, `4d`."""
    for size, most, unit in _UNITS:
        if (number := _nearest(length / size)) < most:
            return f"{number}{unit}"
    return f"{_nearest(length / _DAY)}d"


def _nearest(number: float) -> int:
    return int(number + 0.5)
