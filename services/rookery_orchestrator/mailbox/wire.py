"""Mail as it crosses the bus."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from google.protobuf.message import DecodeError
from rookery.events.v1 import mail_pb2
from rookery.orchestrator.v1 import message_pb2
from rookery_kit.timestamps import moment_of, set_timestamp

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
    encoded = message_pb2.Message()
    _fill(encoded, message)
    if with_payload:
        _fill_payload(encoded, message)
    return encoded


def _fill(encoded: message_pb2.Message, message: Message) -> None:
    """Sets what is there: most messages have few of the fields that may be empty."""
    encoded.id = message.id
    encoded.sender = message.sender
    encoded.recipient_agent_id = message.recipient_agent_id
    encoded.priority = _TO_WIRE[message.priority]
    set_timestamp(encoded.create_time, message.create_time)
    if message.type:
        encoded.type = message.type
    if message.correlation_id:
        encoded.correlation_id = message.correlation_id
    if message.reply_to_agent_id:
        encoded.reply_to_agent_id = message.reply_to_agent_id
    if message.traceparent:
        encoded.traceparent = message.traceparent
    if message.reply_address:
        _fill_reply_place(encoded, message)
    if message.publication_id:
        encoded.topic = message.topic
        encoded.publication_id = message.publication_id
    if message.expire_time is not None:
        set_timestamp(encoded.expire_time, message.expire_time)
    if message.deliver_time is not None:
        set_timestamp(encoded.deliver_time, message.deliver_time)
    if message.delegates:
        encoded.delegates.extend(message.delegates)


def _fill_reply_place(encoded: message_pb2.Message, message: Message) -> None:
    """Where an answer goes, and until when it is waited for: nobody waits at no place."""
    encoded.reply_address = message.reply_address
    if message.reply_deadline is not None:
        set_timestamp(encoded.reply_deadline, message.reply_deadline)


def _fill_payload(encoded: message_pb2.Message, message: Message) -> None:
    encoded.payload.content_type = message.payload.content_type
    encoded.payload.data = message.payload.data


class Sealed(NamedTuple):
    """A message as mail, and what the audit trail is to take down of it: `join_trails` takes several of these."""

    mail: bytes
    trail: bytes


def seal_with_trail(message: Message, *, with_payload: bool) -> Sealed:
    """The message as mail, and its entry for the audit trail, with its payload or without.

    Mail has its message where Trail has those that were sent, in field 1, so that the same bytes are both. By the rules
    of protobuf's encoding they are one message in the mail, to which more can be added, and one of several in a trail.
    """
    mail = mail_pb2.Mail()
    _fill(mail.message, message)
    if with_payload:
        _fill_payload(mail.message, message)
        sealed = mail.SerializeToString()
        return Sealed(sealed, sealed)
    # What is read behind it is merged into it.
    trail = mail.SerializeToString()
    mail.Clear()
    _fill_payload(mail.message, message)
    return Sealed(trail + mail.SerializeToString(), trail)


def seal(message: Message) -> bytes:
    """The message as mail."""
    return mail_pb2.Mail(message=encode_message(message)).SerializeToString()


def sent_again(trail: bytes) -> bytes:
    """The entry of a message that the bus had already."""
    return mail_pb2.Trail(sent_again=mail_pb2.Trail.FromString(trail).sent).SerializeToString()


def join_trails(trails: Iterable[bytes]) -> Iterator[bytes]:
    """Entries for the audit trail in pieces that the bus takes.

    Serialized messages one behind the other are one message with the repeated elements of all of them: the rule is in
    protobuf's description of its encoding.
    """
    piece: list[bytes] = []
    size = 0
    for trail in trails:
        if piece and size + len(trail) > _TRAIL_BYTES:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(trail)
        size += len(trail)
    if piece:
        yield b"".join(piece)


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
        create_time=moment_of(message.create_time),
        traceparent=message.traceparent,
        reply_address=message.reply_address,
        reply_deadline=moment_of(message.reply_deadline) if message.HasField("reply_deadline") else None,
        topic=message.topic,
        publication_id=message.publication_id,
        expire_time=expire_time_of(message),
        deliver_time=moment_of(message.deliver_time) if message.HasField("deliver_time") else None,
        delegates=tuple(message.delegates),
    )


def priority_of(message: message_pb2.Message) -> Priority:
    """How urgent a message is."""
    return _FROM_WIRE.get(message.priority, Priority.NORMAL)


def read_envelope(mail: bytes) -> Envelope | None:
    """What names the message in a piece of mail; None: there is no message."""
    message = unseal(mail)
    return None if message is None else envelope_of(message)


def envelope_of(message: message_pb2.Message) -> Envelope:
    """What names a message."""
    return Envelope(message.id, message.sender, moment_of(message.create_time), expire_time_of(message))


def expire_time_of(message: message_pb2.Message) -> datetime | None:
    """Until when a message is delivered; None: for ever."""
    return moment_of(message.expire_time) if message.HasField("expire_time") else None


def dead_letter(mail: bytes, agent_id: str, reason: DeadReason, detail: str, attempts: int) -> mail_pb2.DeadLetter:
    """The dead letter of a piece of mail. What is none is kept as the payload of a message without an id."""
    message = unseal(mail)
    if message is None:
        message = message_pb2.Message(recipient_agent_id=agent_id)
        message.payload.content_type = "application/octet-stream"
        message.payload.data = mail
    return mail_pb2.DeadLetter(message=message, reason=reason.value, detail=detail, attempts=attempts)
