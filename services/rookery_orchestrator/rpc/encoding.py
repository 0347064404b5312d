"""The orchestrator's values as protobuf."""

from collections.abc import Sequence
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from rookery.orchestrator.v1 import message_pb2, payload_pb2, task_pb2, task_service_pb2

from rookery_orchestrator.mailbox.model import Priority
from rookery_orchestrator.model import Attempt, LeaseKey, Payload, Task, TaskState

_STATE = "TASK_STATE_"
_OUTCOME = "ATTEMPT_OUTCOME_"
_PRIORITIES: dict[int, Priority] = {
    message_pb2.PRIORITY_UNSPECIFIED: Priority.NORMAL,
    message_pb2.PRIORITY_HIGH: Priority.HIGH,
    message_pb2.PRIORITY_NORMAL: Priority.NORMAL,
    message_pb2.PRIORITY_LOW: Priority.LOW,
}
_ON_WIRE = {
    Priority.HIGH: message_pb2.PRIORITY_HIGH,
    Priority.NORMAL: message_pb2.PRIORITY_NORMAL,
    Priority.LOW: message_pb2.PRIORITY_LOW,
}


def encode_task(task: Task, attempts: Sequence[Attempt] = ()) -> task_pb2.Task:
    """A task on the wire."""
    return task_pb2.Task(
        id=task.id,
        tenant=task.tenant,
        title=task.title,
        capability=task.capability,
        priority=task.priority,
        state=_STATE + task.state,
        input=encode_payload(task.input),
        output=encode_payload(task.output),
        error=task_pb2.TaskError(reason=task.error.reason, message=task.error.message) if task.error else None,
        labels=task.labels,
        creator=task.creator,
        agent_id=task.agent_id,
        lease_epoch=task.lease_epoch,
        lease_expire_time=task.lease_expire_time,
        lease_duration=_duration(task.lease_duration),
        attempts=task.attempts,
        max_attempts=task.max_attempts,
        progress=task.progress,
        progress_message=task.progress_message,
        revision=task.revision,
        create_time=task.create_time,
        update_time=task.update_time,
        end_time=task.end_time,
        deadline=task.deadline,
        attempt_history=[_encode_attempt(attempt) for attempt in attempts],
    )


def encode_payload(payload: Payload | None) -> payload_pb2.Payload | None:
    """A payload on the wire; None where there is none."""
    return None if payload is None else payload_pb2.Payload(content_type=payload.content_type, data=payload.data)


def decode_payload(message: payload_pb2.Payload) -> Payload:
    """A payload off the wire."""
    return Payload(message.content_type, message.data)


def decode_priority(priority: "message_pb2.Priority | int") -> Priority:
    """How urgent; NORMAL where nothing is said."""
    return _PRIORITIES[priority]


def encode_priority(priority: Priority) -> message_pb2.Priority:
    """How urgent, on the wire."""
    return _ON_WIRE[priority]


def encode_lease(lease: LeaseKey) -> task_service_pb2.LeaseKey:
    """A lease on the wire."""
    return task_service_pb2.LeaseKey(task_id=lease.task_id, lease_epoch=lease.lease_epoch)


def decode_lease(message: task_service_pb2.LeaseKey) -> LeaseKey:
    """A lease off the wire."""
    return LeaseKey(message.task_id, message.lease_epoch)


def decode_state(state: "task_pb2.TaskState | int") -> TaskState | None:
    """The state to filter by; None: any. Raises ValueError for a state that no task is ever in."""
    name = task_pb2.TaskState.Name(state).removeprefix(_STATE)
    return None if name == "UNSPECIFIED" else TaskState(name)


def _encode_attempt(attempt: Attempt) -> task_pb2.TaskAttempt:
    return task_pb2.TaskAttempt(
        lease_epoch=attempt.lease_epoch,
        agent_id=attempt.agent_id,
        start_time=attempt.start_time,
        end_time=attempt.end_time,
        outcome=_OUTCOME + (attempt.outcome or "UNSPECIFIED"),
        error_message=attempt.error_message,
    )


def _duration(value: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(value)
    return duration
