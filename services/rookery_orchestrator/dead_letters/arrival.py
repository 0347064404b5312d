"""Dead letters on their way from the bus into the database."""

from datetime import UTC
from typing import Protocol
from uuid import UUID, uuid5

import structlog
from google.protobuf.message import DecodeError
from rookery.events.v1 import mail_pb2
from rookery_kit.bus import Event
from rookery_kit.bus.subjects import dead_letter_subject
from rookery_kit.postgres import Connection

from rookery_orchestrator.dead_letters.model import DeadLetter, DeadLetterState

DEAD_LETTERS = dead_letter_subject("*", "*")
STREAM = "DLQ"
_UNNAMED = UUID("0d6b9df5-6c2b-4b6f-8f2f-2b1a2c8f7d53")
_log = structlog.get_logger(__name__)


class KeepWithin(Protocol):
    """Where dead letters are kept, in the transaction of whoever brings them."""

    async def keep_within(self, connection: Connection, dead: DeadLetter) -> None:
        """Keeps a dead letter; one that is kept already stays as it is."""
        ...


class DeadLetterArrival:
    """Takes what the stream DLQ brings. Brought again, as when the database was restored, it adds only what is new."""

    def __init__(self, store: KeepWithin) -> None:
        self._store = store

    async def handle(self, connection: Connection, event: Event) -> None:
        """Keeps one."""
        _, tenant, _, agent_id = event.subject.split(".")
        try:
            letter = mail_pb2.DeadLetter.FromString(event.payload)
            UUID(agent_id)
        except (DecodeError, ValueError):
            _log.error("not a dead letter", subject=event.subject, message_id=event.message_id)
            return
        last = letter.attempt_history[-1] if letter.attempt_history else None
        message = letter.message
        buried = letter.create_time if letter.HasField("create_time") else message.create_time
        dead = DeadLetter(
            # An earlier version gave no ids.
            id=letter.id or str(uuid5(_UNNAMED, f"{event.subject}/{event.message_id}")),
            tenant=tenant,
            agent_id=agent_id,
            sender=message.sender,
            message_id=message.id,
            type=message.type,
            correlation_id=message.correlation_id,
            reason=letter.reason,
            detail=letter.detail,
            deliveries=letter.attempts,
            agent_version=last.agent_version if last else "",
            handler=last.handler if last else "",
            letter=event.payload,
            state=DeadLetterState.DEAD,
            create_time=buried.ToDatetime(tzinfo=UTC),
            update_time=buried.ToDatetime(tzinfo=UTC),
            updated_by="",
        )
        await self._store.keep_within(connection, dead)
