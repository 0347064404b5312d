"""Changes of tasks, as they travel over the bus."""

from rookery.events.v1 import task_event_pb2
from rookery.orchestrator.v1 import task_pb2
from rookery_kit.bus import OutgoingEvent
from rookery_kit.bus.subjects import event_subject

from rookery_orchestrator.model import Task, TaskChange, TaskState

_PREFIX = "TASK_STATE_"


def task_event(task: Task) -> OutgoingEvent:
    """The event that tells of a task's present revision."""
    payload = task_event_pb2.TaskChanged(
        task_id=task.id,
        tenant=task.tenant,
        state=_PREFIX + task.state,
        revision=task.revision,
        agent_id=task.agent_id,
        capability=task.capability,
        lease_epoch=task.lease_epoch,
    )
    subject = event_subject(task.tenant, "task", task.id)
    return OutgoingEvent(subject, payload.SerializeToString(), f"task-{task.id}-{task.revision}")


def read_task_event(payload: bytes) -> TaskChange:
    """The change that an event tells of. Raises DecodeError or ValueError when it is none."""
    event = task_event_pb2.TaskChanged.FromString(payload)
    return TaskChange(
        task_id=event.task_id,
        tenant=event.tenant,
        state=TaskState(task_pb2.TaskState.Name(event.state).removeprefix(_PREFIX)),
        revision=event.revision,
        agent_id=event.agent_id,
        capability=event.capability,
        lease_epoch=event.lease_epoch,
    )
