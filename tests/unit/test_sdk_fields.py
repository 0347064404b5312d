"""What the fields of a request cannot hold is refused by their names."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from rookery_sdk import Audience, PayloadInvalid
from rookery_sdk.messages import Outgoing
from rookery_sdk.tasks import NewTask
from rookery_sdk.topics import announcement, publication

HALF = "x\ud800"
NAIVE = datetime(2030, 1, 2, 3, 4, 5)  # noqa: DTZ001 -- what is to be refused


@pytest.mark.parametrize("field", ["recipient", "type", "correlation_id"])
def test_text_that_cannot_be_sent_is_refused_by_the_field_of_a_message(field: str) -> None:
    fields: dict[str, Any] = {"recipient": "clerk", field: HALF}
    with pytest.raises(ValueError, match=rf"^{field} is text that cannot be sent: .*surrogates not allowed"):
        Outgoing(**fields).request()


def test_a_payload_of_such_text_is_invalid() -> None:
    with pytest.raises(PayloadInvalid, match=r"^the payload is text that cannot be sent: "):
        Outgoing("clerk", HALF).request()


@pytest.mark.parametrize(
    ("field", "wrong"), [("title", HALF), ("labels", {HALF: "x"}), ("labels", {"x": HALF}), ("capability", HALF)]
)
def test_text_that_cannot_be_sent_is_refused_by_the_field_of_a_task(field: str, wrong: object) -> None:
    fields: dict[str, Any] = {"capability": "double", field: wrong}
    with pytest.raises(ValueError, match=rf"^{field} is text that cannot be sent: "):
        NewTask(**fields).request()


def test_text_that_cannot_be_sent_is_refused_of_what_many_are_told() -> None:
    with pytest.raises(ValueError, match=r"^topic is text"):
        publication(HALF, Outgoing(""))
    for field, wrong in (("capability", HALF), ("role", HALF), ("labels", {"team": HALF})):
        fields: dict[str, Any] = {field: wrong}
        with pytest.raises(ValueError, match=rf"^{field} is text"):
            announcement(Audience(**fields), Outgoing(""))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^deliver_time needs a time zone, .*; 2030-01-02T03:04:05 has none"):
        Outgoing("clerk", deliver_time=NAIVE).request()
    with pytest.raises(ValueError, match=r"^deadline needs a time zone"):
        NewTask("double", deadline=NAIVE).request()


def test_a_time_of_any_zone_is_the_same_moment() -> None:
    east = NAIVE.replace(tzinfo=timezone(timedelta(hours=5)))
    for time in (east, east.astimezone(UTC)):
        seconds = int(east.timestamp())
        assert Outgoing("clerk", deliver_time=time).request().deliver_time.seconds == seconds
        assert NewTask("double", deadline=time).request().deadline.seconds == seconds
