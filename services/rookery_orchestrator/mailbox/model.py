"""Messages, their delivery and their settlement."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto

from rookery_kit.errors import NotFound

from rookery_orchestrator.model import Payload


class RecipientNotFound(NotFound):
    """The addressee of a message is not a registered agent of the tenant."""

    reason = "RECIPIENT_NOT_FOUND"

    def __init__(self, recipient: str) -> None:
        super().__init__(f"no agent {recipient} is registered", recipient=recipient)


class Priority(StrEnum):
    """How urgent a message is, the most urgent first. The values are the last tokens of subjects on the bus."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a sender asks for. One of `recipient_agent_id` and `recipient_name` is set; no `message_id`: a new one."""

    message_id: str
    recipient_agent_id: str
    recipient_name: str
    priority: Priority
    type: str
    payload: Payload
    correlation_id: str
    reply_to_agent_id: str
    traceparent: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was accepted."""

    id: str
    sender: str
    recipient_agent_id: str
    priority: Priority
    type: str
    payload: Payload
    correlation_id: str
    reply_to_agent_id: str
    create_time: datetime
    traceparent: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way to its agent. `mail` is sealed: only the edges open it. `attempt` counts from 1."""

    delivery_id: int
    mail: bytes
    attempt: int


class Action(Enum):
    """What an agent says of a delivery."""

    ACK = auto()
    NACK = auto()
    IN_PROGRESS = auto()
    TERMINATE = auto()


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a delivery. `delay`, in seconds, and `reason` go with NACK; no delay: the backoff schedule."""

    delivery_id: int
    action: Action
    delay: float | None = None
    reason: str = ""


class DeadReason(Enum):
    """Why a message was given up. The values are public."""

    MAX_DELIVERIES = "MAX_DELIVERIES"
    TERMINATED = "TERMINATED"
