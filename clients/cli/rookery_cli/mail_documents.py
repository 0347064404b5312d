"""The JSON documents of dead letters, mailboxes and the audit trail. Their keys are stable."""

from typing import Any

from rookery.orchestrator.v1 import dead_letter_pb2, mailbox_pb2, message_pb2

from rookery_cli.documents import message_document, payload_document
from rookery_cli.times import rfc3339


def dead_letter_document(dead: dead_letter_pb2.DeadLetter) -> dict[str, Any]:
    """A dead letter, with its payload and its attempts where they were asked for."""
    return {
        "id": dead.id,
        "state": dead_letter_pb2.DeadLetterState.Name(dead.state).removeprefix("DEAD_LETTER_STATE_"),
        "reason": dead.reason,
        "detail": dead.detail or None,
        "deliveries": dead.deliveries,
        "handler": dead.handler or None,
        "agent_version": dead.agent_version or None,
        "create_time": rfc3339(dead.create_time),
        "update_time": rfc3339(dead.update_time),
        "updated_by": dead.updated_by or None,
        "message": message_document(dead.message) | {"payload": payload_document(dead.message.payload)},
        "attempts": [_attempt_document(attempt) for attempt in dead.attempts],
    }


def mailbox_document(mailbox: mailbox_pb2.Mailbox) -> dict[str, Any]:
    """A mailbox as it stands."""
    depths = {_priority(depth.priority): depth.messages for depth in mailbox.depths}
    return {
        "agent_id": mailbox.agent_id,
        "messages": sum(depths.values()),
        "depths": depths,
        "oldest_message_time": rfc3339(mailbox.oldest_message_time),
        "in_flight": mailbox.in_flight,
        "redelivered": mailbox.redelivered,
        "dead_letters": mailbox.dead_letters,
        "receiving": mailbox.receiving,
        "session_epoch": mailbox.session_epoch or None,
    }


def record_document(record: mailbox_pb2.MessageRecord) -> dict[str, Any]:
    """A message of the audit trail."""
    return message_document(record.message) | {
        "state": mailbox_pb2.MessageState.Name(record.state).removeprefix("MESSAGE_STATE_"),
        "end_time": rfc3339(record.end_time),
        "delivery": record.delivery or None,
        "payload": payload_document(record.message.payload),
    }


def _attempt_document(attempt: dead_letter_pb2.DeliveryAttempt) -> dict[str, Any]:
    return {
        "delivery": attempt.delivery,
        "end_time": rfc3339(attempt.end_time),
        "outcome": dead_letter_pb2.DeliveryOutcome.Name(attempt.outcome).removeprefix("DELIVERY_OUTCOME_"),
        "handler": attempt.handler or None,
        "agent_version": attempt.agent_version or None,
        "session_epoch": attempt.session_epoch,
        "reason": attempt.reason or None,
    }


def _priority(priority: "message_pb2.Priority | int") -> str:
    return message_pb2.Priority.Name(priority).removeprefix("PRIORITY_")
