"""Messages as they cross the bus."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from rookery.events.v1 import mail_pb2
from rookery_kit.timestamps import moment_of, set_timestamp, timestamp_of
from rookery_orchestrator.mailbox.model import Message, Priority
from rookery_orchestrator.mailbox.wire import encode_message, join_trails, seal, seal_with_trail, unseal_message
from rookery_orchestrator.model import Payload

NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
PLAIN = Message(
    id=str(uuid4()),
    sender="agent:7",
    recipient_agent_id=str(uuid4()),
    priority=Priority.NORMAL,
    type="",
    payload=Payload("text/plain", b"hello"),
    correlation_id="",
    reply_to_agent_id="",
    create_time=NOON,
    traceparent="",
)
FULL = PLAIN._replace(
    priority=Priority.HIGH,
    type="order",
    correlation_id="c-7",
    reply_to_agent_id=str(uuid4()),
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    reply_address=str(uuid4()),
    reply_deadline=NOON.replace(hour=13),
    topic="news",
    publication_id=str(uuid4()),
    expire_time=NOON.replace(hour=14),
    deliver_time=NOON.replace(hour=15),
)
EMPTY = PLAIN._replace(payload=Payload("", b""))


@pytest.mark.parametrize("message", [PLAIN, FULL, EMPTY], ids=["plain", "full", "empty"])
def test_mail_and_its_entry_hold_the_same_message(message: Message) -> None:
    sealed = seal_with_trail(message, with_payload=False)
    assert unseal_message(sealed.mail) == message
    assert mail_pb2.Mail.FromString(sealed.mail) == mail_pb2.Mail.FromString(seal(message))
    (entry,) = mail_pb2.Trail.FromString(sealed.trail).sent
    assert entry == encode_message(message, with_payload=False)
    assert not entry.HasField("payload")


def test_an_entry_has_the_payload_where_that_is_asked_for() -> None:
    entries = [seal_with_trail(message, with_payload=True).trail for message in (PLAIN, FULL)]
    (joined,) = join_trails(entries)
    assert list(mail_pb2.Trail.FromString(joined).sent) == [encode_message(PLAIN), encode_message(FULL)]


@pytest.mark.parametrize(
    "moment",
    [
        NOON,
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
    ids=str,
)
def test_moments_are_what_protobuf_makes_of_them(moment: datetime) -> None:
    timestamp = timestamp_of(moment)
    assert timestamp.ToDatetime(tzinfo=UTC) == moment
    assert moment_of(timestamp) == moment
    again = timestamp_of(NOON)
    set_timestamp(again, moment)
    assert again == timestamp
