"""Mail as it crosses the bus."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from google.protobuf.message import DecodeError
from rookery.events.v1 import mail_pb2
from rookery.orchestrator.v1 import message_pb2

from rookery_orchestrator.mailbox.model import DeadReason, Envelope, Message, Priority
from rookery_orchestrator.model import Payload

_TO_WIRE = {
    Priority.HIGH: message_pb2.PRIORITY_HIGH,
    Priority.NORMAL: message_pb2.PRIORITY_NORMAL,
    Priority.LOW: message_pb2.PRIORITY_LOW,
}
_TRAIL_BYTES = 256 * 1024
_FROM_WIRE = {wire: priority for priority, wire in _TO_WIRE.items()}


def encode_message(message: Message, *, with_payload: bool = True) -> message_pb2.Message:
    """The message as clients and the bus know it."""
    encoded = message_pb2.Message(
        id=message.id,
        sender=message.sender,
        recipient_agent_id=message.recipient_agent_id,
        priority=_TO_WIRE[message.priority],
        type=message.type,
        correlation_id=message.correlation_id,
        reply_to_agent_id=message.reply_to_agent_id,
        traceparent=message.traceparent,
        reply_address=message.reply_address,
        reply_deadline=message.reply_deadline,
        topic=message.topic,
        publication_id=message.publication_id,
        expire_time=message.expire_time,
        deliver_time=message.deliver_time,
    )
    encoded.create_time.FromDatetime(message.create_time)
    if with_payload:
        encoded.payload.content_type = message.payload.content_type
        encoded.payload.data = message.payload.data
    return encoded


def seal(message: Message) -> bytes:
    """The message as mail."""
    return mail_pb2.Mail(message=encode_message(message)).SerializeToString()


def unseal(mail: bytes) -> message_pb2.Message | None:
    """The message in a piece of mail; None: there is none."""
    try:
        opened = mail_pb2.Mail.FromString(mail)
    except DecodeError:
        return None
    return opened.message if opened.HasField("message") else None


def unseal_message(mail: bytes) -> Message:
    """What `seal` sealed. Raises DecodeError for anything else."""
    message = mail_pb2.Mail.FromString(mail).message
    return Message(
        id=message.id,
        sender=message.sender,
        recipient_agent_id=message.recipient_agent_id,
        priority=_FROM_WIRE[message.priority],
        type=message.type,
        payload=Payload(message.payload.content_type, message.payload.data),
        correlation_id=message.correlation_id,
        reply_to_agent_id=message.reply_to_agent_id,
        create_time=message.create_time.ToDatetime(tzinfo=UTC),
        traceparent=message.traceparent,
        reply_address=message.reply_address,
        reply_deadline=message.reply_deadline.ToDatetime(tzinfo=UTC) if message.HasField("reply_deadline") else None,
        topic=message.topic,
        publication_id=message.publication_id,
        expire_time=message.expire_time.ToDatetime(tzinfo=UTC) if message.HasField("expire_time") else None,
        deliver_time=message.deliver_time.ToDatetime(tzinfo=UTC) if message.HasField("deliver_time") else None,
    )


def priority_of(message: message_pb2.Message) -> Priority:
    """How urgent a message is."""
    return _FROM_WIRE.get(message.priority, Priority.NORMAL)


def read_envelope(mail: bytes) -> Envelope | None:
    """What names the message in a piece of mail; None: there is no message."""
    message = unseal(mail)
    if message is None:
        return None
    expire_time = message.expire_time.ToDatetime(tzinfo=UTC) if message.HasField("expire_time") else None
    return Envelope(message.id, message.sender, message.create_time.ToDatetime(tzinfo=UTC), expire_time)


def expire_time_of(message: message_pb2.Message) -> datetime | None:
    """Until when a message is delivered; None: for ever."""
    return message.expire_time.ToDatetime(tzinfo=UTC) if message.HasField("expire_time") else None


def trails_of_sent(messages: Iterable[Message], *, with_payload: bool) -> Iterator[bytes]:
    """What the audit trail is to take down of messages that are being stored, in pieces that the bus takes."""
    trail, size = mail_pb2.Trail(), 0
    for message in messages:
        sent = encode_message(message, with_payload=with_payload)
        length = sent.ByteSize()
        if trail.sent and size + length > _TRAIL_BYTES:
            yield trail.SerializeToString()
            trail, size = mail_pb2.Trail(), 0
        trail.sent.append(sent)
        size += length
    if trail.sent:
        yield trail.SerializeToString()


def dead_letter(mail: bytes, agent_id: str, reason: DeadReason, detail: str, attempts: int) -> mail_pb2.DeadLetter:
    """The dead letter of a piece of mail. What is none is kept as the payload of a message without an id."""
    message = unseal(mail)
    if message is None:
        message = message_pb2.Message(recipient_agent_id=agent_id)
        message.payload.content_type = "application/octet-stream"
        message.payload.data = mail
    return mail_pb2.DeadLetter(message=message, reason=reason.value, detail=detail, attempts=attempts)
