"""The one mapping of rows to values."""

import json

from asyncpg import Record

from rookery_orchestrator.model import Attempt, AttemptOutcome, Payload, Task, TaskError, TaskState


def task_of(row: Record) -> Task:
    """The task of a row of `tasks`."""
    return Task(
        id=str(row["id"]),
        tenant=row["tenant"],
        creator=row["creator"],
        title=row["title"],
        capability=row["capability"],
        priority=row["priority"],
        state=TaskState(row["state"]),
        input=_payload(row["input_type"], row["input_data"]),
        output=_payload(row["output_type"], row["output_data"]),
        error=TaskError(row["error_reason"], row["error_message"]) if row["error_reason"] else None,
        labels=json.loads(row["labels"]),
        agent_id=str(row["agent_id"]) if row["agent_id"] else "",
        lease_epoch=row["lease_epoch"],
        lease_expire_time=row["lease_expire_time"],
        lease_duration=row["lease_duration"],
        attempts=row["attempts"],
        max_attempts=row["max_attempts"],
        progress=row["progress"],
        progress_message=row["progress_message"],
        revision=row["revision"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        end_time=row["end_time"],
        deadline=row["deadline"],
        traceparent=row["traceparent"],
        request_digest=row["request_digest"],
    )


def attempt_of(row: Record) -> Attempt:
    """The attempt of a row of `task_attempts`."""
    return Attempt(
        lease_epoch=row["lease_epoch"],
        agent_id=str(row["agent_id"]),
        start_time=row["start_time"],
        end_time=row["end_time"],
        outcome=AttemptOutcome(row["outcome"]) if row["outcome"] else None,
        error_message=row["error_message"],
    )


def _payload(content_type: str | None, data: bytes | None) -> Payload | None:
    return None if content_type is None or data is None else Payload(content_type, data)
