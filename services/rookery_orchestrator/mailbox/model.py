"""Messages, their delivery and their settlement.

What is made for every message is a named tuple, because making a frozen dataclass takes three times as long.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import NamedTuple

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


class Draft(NamedTuple):
    """What a sender asks for. One of `recipient_agent_id` and `recipient_name` is set; no `message_id`: a new one.

    `time_to_live` is in seconds, from `deliver_time` on; None: for ever.
    """

    message_id: str
    recipient_agent_id: str
    recipient_name: str
    priority: Priority
    type: str
    payload: Payload
    correlation_id: str
    reply_to_agent_id: str
    traceparent: str
    reply_address: str = ""
    reply_deadline: datetime | None = None
    time_to_live: float | None = None
    deliver_time: datetime | None = None


class Message(NamedTuple):
    """A message as it was accepted.

    After `expire_time` it is delivered no more, before `deliver_time` not yet.

    `reply_address` is where the answer to a request goes, and where one in the audit trail went; `reply_deadline` is
    until when it is waited for. An answer has no `recipient_agent_id` unless an agent asked. `topic` and
    `publication_id` tell of a copy what was published, and where. `delegates` acted for the sender, the nearest first.
    """

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
    reply_address: str = ""
    reply_deadline: datetime | None = None
    topic: str = ""
    publication_id: str = ""
    expire_time: datetime | None = None
    deliver_time: datetime | None = None
    delegates: tuple[str, ...] = ()


class Delivery(NamedTuple):
    """A message on its way to its agent. `attempt` counts from 1.

    `mail` is the message as the edges have it, who alone look into it; `size` is in bytes.
    """

    delivery_id: int
    mail: object
    size: int
    attempt: int


class Action(Enum):
    """What an agent says of a delivery."""

    ACK = auto()
    NACK = auto()
    IN_PROGRESS = auto()
    TERMINATE = auto()


class Settlement(NamedTuple):
    """What becomes of a delivery. `delay`, in seconds, goes with NACK; none: the backoff schedule.

    `reason` and `handler`, the place where it failed, go with NACK and TERMINATE.
    """

    delivery_id: int
    action: Action
    delay: float | None = None
    reason: str = ""
    handler: str = ""


class DeliveryOutcome(Enum):
    """How a delivery failed. The values are public."""

    REFUSED = "REFUSED"
    TERMINATED = "TERMINATED"
    RECEIVER_LOST = "RECEIVER_LOST"


@dataclass(frozen=True, slots=True)
class Failure:
    """That a delivery failed, in which handler of the agent, and why; both may be empty."""

    outcome: DeliveryOutcome
    handler: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReceivingSession:
    """The session of an agent in which it receives. `agent_version` is what it says of itself; may be empty."""

    session_epoch: int
    agent_version: str = ""


class MessageState(StrEnum):
    """What became of a message. The values are public."""

    SENT = "SENT"
    ACKED = "ACKED"
    DEAD_LETTERED = "DEAD_LETTERED"
    EXPIRED = "EXPIRED"
    PURGED = "PURGED"


class Envelope(NamedTuple):
    """What names a message in the audit trail."""

    id: str
    sender: str
    create_time: datetime
    expire_time: datetime | None = None


class DeadReason(Enum):
    """Why a message was given up. The values are public."""

    MAX_DELIVERIES = "MAX_DELIVERIES"
    TERMINATED = "TERMINATED"
    MAILBOX_FULL = "MAILBOX_FULL"
