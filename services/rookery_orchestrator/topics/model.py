"""Topics, their members, and messages that go to many."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rookery_kit.errors import AlreadyExists, NotFound, ResourceExhausted

from rookery_orchestrator.mailbox.model import Priority
from rookery_orchestrator.model import Payload

MOST_RECIPIENTS = 10_000
"""How many members a topic may have, and how many agents a broadcast may reach."""

MOST_OPEN_FAN_OUTS = 10_000
"""How many publications of a tenant may wait to be carried to the mailboxes."""


class TopicNotFound(NotFound):
    """No such topic in the tenant."""

    reason = "TOPIC_NOT_FOUND"

    def __init__(self, topic: str) -> None:
        super().__init__(f"there is no topic {topic}", topic=topic)


class TopicExists(AlreadyExists):
    """The tenant has a topic of that name."""

    reason = "TOPIC_EXISTS"

    def __init__(self, topic: str) -> None:
        super().__init__(f"there is a topic {topic} already", topic=topic)


class FanOutLimit(ResourceExhausted):
    """More recipients than one message may have, or too many messages on their way to many already."""

    reason = "FAN_OUT_LIMIT"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. `id` names it on the bus, so that a later topic of the same name begins empty."""

    id: str
    tenant: str
    name: str
    description: str
    creator: str
    create_time: datetime
    member_count: int


@dataclass(frozen=True, slots=True)
class TopicMember:
    """An agent that has joined a topic."""

    agent_id: str
    join_time: datetime


@dataclass(frozen=True, slots=True)
class Selector:
    """Agents by what they are; each fits all that is given. An empty word is any."""

    capability: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    online_only: bool = False


@dataclass(frozen=True, slots=True)
class PublicationDraft:
    """What somebody asks to be told to many. No `message_id`: a new one."""

    message_id: str
    priority: Priority
    type: str
    payload: Payload
    correlation_id: str
    reply_to_agent_id: str
    traceparent: str


@dataclass(frozen=True, slots=True)
class FanOut:
    """A message on its way to many: `mail` is it, sealed. `id` follows from its sender and the id it gave it.

    `place` is the order of acceptance; `topic_id` is empty for a broadcast.
    """

    place: int
    id: str
    tenant: str
    sender: str
    topic_id: str
    mail: bytes
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message to many that is durable. `duplicate`: its sender had sent this id before, and nothing was added."""

    place: int
    recipient_count: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Published:
    """What has become of a message to many: for `pending_count` of its recipients it still waits."""

    message_id: str
    recipient_count: int
    pending_count: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class WaitingCopy:
    """A copy for a mailbox that took none when it was offered; `attempts` counts the offers."""

    place: int
    recipient: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin watching: after a sequence, or at a moment, or, with neither, with what comes."""

    after_sequence: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class LoggedPublication:
    """A publication as a topic keeps it; sequences rise, with gaps. `mail` is sealed."""

    sequence: int
    mail: bytes
