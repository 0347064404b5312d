"""What the audit trail knows, and what can be asked of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from rookery_orchestrator.mailbox.model import MessageState


class SentEntry(NamedTuple):
    """A message that was accepted. `envelope` is sealed: only the edges open it. `key` names it in the inbox."""

    tenant: str
    create_time: datetime
    id: str
    sender: str
    recipient_agent_id: str
    priority: str
    type: str
    correlation_id: str
    expire_time: datetime | None
    envelope: bytes
    key: bytes


class EndEntry(NamedTuple):
    """What became of a message, when, and in which delivery (0: in none). What was acknowledged, the inbox tells."""

    tenant: str
    create_time: datetime
    id: str
    sender: str
    state: MessageState
    end_time: datetime
    delivery: int


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message as the trail has it. `end_time` is None while it is SENT."""

    create_time: datetime
    id: str
    envelope: bytes
    state: MessageState
    end_time: datetime | None
    delivery: int


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Where a page ends: the keys of its last record."""

    create_time: datetime
    id: str


@dataclass(frozen=True, slots=True)
class TrailQuery:
    """Which messages to list. What is empty or None is not asked for.

    `visible_to` and `agent_id`: each, where given, is the message's sender or its recipient.
    """

    limit: int
    after: RecordPlace | None = None
    visible_to: str = ""
    agent_id: str = ""
    correlation_id: str = ""
    type: str = ""
    since: datetime | None = None
    until: datetime | None = None
    state: MessageState | None = None
