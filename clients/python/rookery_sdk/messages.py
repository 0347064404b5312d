"""Messages between agents."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from rookery.orchestrator.v1 import message_pb2, message_service_pb2

from rookery_sdk import payload
from rookery_sdk.fields import check_text, check_time
from rookery_sdk.patience import patiently

if TYPE_CHECKING:
    from rookery.orchestrator.v1.message_service_pb2_grpc import MessageServiceAsyncStub

PriorityName = Literal["high", "normal", "low"]
_SEND_SECONDS = 10.0
_AGENT_SUBJECT = "agent:"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its handler gets it. `payload` is decoded; `attempt` counts deliveries from 1.

    Of a request, `reply_deadline` is until when its sender waits; of what was published, `topic` is where. `delegates`
    acted for the sender, the nearest first; none: it sent the message itself.
    """

    id: str
    sender: str
    type: str
    payload: Any
    priority: PriorityName
    correlation_id: str
    reply_to_agent_id: str
    create_time: datetime
    attempt: int
    reply_address: str = ""
    reply_deadline: datetime | None = None
    topic: str = ""
    delegates: tuple[str, ...] = ()

    @classmethod
    def of(cls, message: message_pb2.Message, attempt: int) -> "Message":
        """Decodes a delivery. Raises PayloadInvalid."""
        reply_to = message.reply_to_agent_id
        if not reply_to and message.sender.startswith(_AGENT_SUBJECT):
            reply_to = message.sender.removeprefix(_AGENT_SUBJECT)
        return cls(
            id=message.id,
            sender=message.sender,
            type=message.type,
            payload=payload.decode(message.payload),
            priority=_PRIORITY_NAMES.get(message.priority, "normal"),
            correlation_id=message.correlation_id,
            reply_to_agent_id=reply_to,
            create_time=message.create_time.ToDatetime(tzinfo=UTC),
            attempt=attempt,
            reply_address=message.reply_address,
            reply_deadline=message.reply_deadline.ToDatetime(tzinfo=UTC)
            if message.HasField("reply_deadline")
            else None,
            topic=message.topic,
            delegates=tuple(message.delegates),
        )


_PRIORITIES: dict[PriorityName, message_pb2.Priority] = {
    "high": message_pb2.PRIORITY_HIGH,
    "normal": message_pb2.PRIORITY_NORMAL,
    "low": message_pb2.PRIORITY_LOW,
}
_PRIORITY_NAMES: dict[int, PriorityName] = {int(value): name for name, value in _PRIORITIES.items()}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send. `recipient` is the name or the id of an agent; `value` is what `payload.encode` takes.

    With a `reply_address`, it goes to whoever waits there for the answer to a request, and to nobody else. It is not
    delivered before `deliver_time` (aware), and after `time_to_live` from then on no more.
    """

    recipient: str
    value: object = None
    type: str = ""
    priority: PriorityName = "normal"
    correlation_id: str = ""
    reply_to_agent_id: str = ""
    reply_address: str = ""
    time_to_live: timedelta | None = None
    deliver_time: datetime | None = None
    message_id: str = ""

    def request(self) -> message_service_pb2.SendMessageRequest:
        """The request. Raises PayloadInvalid, or ValueError for what a field cannot hold."""
        if self.priority not in _PRIORITIES:
            raise ValueError(f"there is no priority {self.priority!r}; take one of {', '.join(_PRIORITIES)}")
        check_text("recipient", self.recipient)
        check_text("type", self.type)
        check_text("correlation_id", self.correlation_id)
        check_time("deliver_time", self.deliver_time)
        request = message_service_pb2.SendMessageRequest(
            priority=_PRIORITIES[self.priority],
            type=self.type,
            payload=payload.encode(self.value),
            correlation_id=self.correlation_id,
            reply_to_agent_id=self.reply_to_agent_id,
            message_id=self.message_id,
        )
        if self.time_to_live is not None:
            request.time_to_live.FromTimedelta(self.time_to_live)
        if self.deliver_time is not None:
            request.deliver_time.FromDatetime(self.deliver_time)
        if self.reply_address:
            request.reply_address = self.reply_address
        elif _is_uuid(self.recipient):
            request.recipient_agent_id = self.recipient
        else:
            request.recipient_name = self.recipient
        return request


async def send(
    stub: "MessageServiceAsyncStub", request: message_service_pb2.SendMessageRequest, *, patience: float
) -> message_service_pb2.SendMessageResponse:
    """Sends a message, repeating under the same id while the suite is away. It is durable when this returns."""

    async def attempt() -> message_service_pb2.SendMessageResponse:
        return await stub.SendMessage(request, timeout=_SEND_SECONDS)

    return await patiently(attempt, patience=patience)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
