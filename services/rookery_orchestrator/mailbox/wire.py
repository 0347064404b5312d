"""Mail as it crosses the bus."""

from google.protobuf.message import DecodeError
from rookery.events.v1 import mail_pb2
from rookery.orchestrator.v1 import message_pb2

from rookery_orchestrator.mailbox.model import DeadReason, Message, Priority

_TO_WIRE = {
    Priority.HIGH: message_pb2.PRIORITY_HIGH,
    Priority.NORMAL: message_pb2.PRIORITY_NORMAL,
    Priority.LOW: message_pb2.PRIORITY_LOW,
}


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


def dead_letter(mail: bytes, agent_id: str, reason: DeadReason, detail: str, attempts: int) -> mail_pb2.DeadLetter:
    """The dead letter of a piece of mail. What is none is kept as the payload of a message without an id."""
    message = unseal(mail)
    if message is None:
        message = message_pb2.Message(recipient_agent_id=agent_id)
        message.payload.content_type = "application/octet-stream"
        message.payload.data = mail
    return mail_pb2.DeadLetter(message=message, reason=reason.value, detail=detail, attempts=attempts)
