"""What the audit trail knows, and what can be asked of it."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from rookery_orchestrator.mailbox.model import MessageState

UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""What the database takes for a UUID, in the one way in which ids are written."""


class SentEntry(NamedTuple):
    """A message that was accepted. `envelope` is sealed: only the edges open it. `key` names it in the inbox.

    `reply_address` is of a request and of its answer the same; None: it is neither. `recipient_agent_id` is None of an
    answer that went to nobody who is known as an agent.
    """

    tenant: str
    create_time: datetime
    id: str
    sender: str
    recipient_agent_id: str | None
    priority: str
    type: str
    correlation_id: str
    expire_time: datetime | None
    envelope: bytes
    key: bytes
    reply_address: str | None


class SentAgain(NamedTuple):
    """A message that the bus had already; to be taken down if the trail has nothing of it."""

    entry: SentEntry


class EndEntry(NamedTuple):
    """What became of a message, when, and in which delivery (0: in none). What was acknowledged, the inbox tells."""

    tenant: str
    create_time: datetime
    id: str
    sender: str
    state: MessageState
    end_time: datetime
    delivery: int


class AnswerKey(NamedTuple):
    """What an answer has in common with its request: the tenant, the address, and the agent that was asked."""

    tenant: str
    reply_address: str
    replier_id: str


class Question(NamedTuple):
    """A request in the trail: its id, and who asked."""

    id: str
    sender: str


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
