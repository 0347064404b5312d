from datetime import UTC, datetime

import pytest
from google.protobuf import duration_pb2, timestamp_pb2
from rookery_cli.times import ago, rfc3339, seconds, span

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (0, "0s"),
        (0.4, "0s"),
        (59.4, "59s"),
        (59.9, "1m"),
        (60, "1m"),
        (7199, "2h"),
        (90_000, "1d"),
        (7_775_999.9, "90d"),
    ],
)
def test_a_span_is_told_to_the_nearest_of_the_largest_unit_that_fits(length: float, shown: str) -> None:
    assert span(length) == shown


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        ("2026-11-21T11:59:30Z", "30s ago"),
        ("2026-11-21T12:05:00.250Z", "in 5m"),
        ("2026-11-20T12:00:00Z", "1d ago"),
        (None, ""),
    ],
)
def test_a_time_is_told_from_now(time: str | None, shown: str) -> None:
    assert ago(time, NOW) == shown


def test_programs_get_rfc_3339_and_seconds() -> None:
    assert rfc3339(timestamp_pb2.Timestamp(seconds=1_795_262_400)) == "2026-11-21T12:00:00Z"
    assert rfc3339(timestamp_pb2.Timestamp()) is None
    assert seconds(duration_pb2.Duration(seconds=1, nanos=500_000_000)) == 1.5
