"""Tasks, leases and attempts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from rookery_kit.errors import Aborted, FailedPrecondition, NotFound


class TaskNotFound(NotFound):
    """No such task in the tenant."""

    reason = "TASK_NOT_FOUND"

    def __init__(self, task_id: str) -> None:
        super().__init__(f"there is no task {task_id}", task_id=task_id)


class TaskEnded(FailedPrecondition):
    """The task has ended and cannot change any more."""

    reason = "TASK_ENDED"

    def __init__(self, task_id: str, state: str) -> None:
        super().__init__(f"the task {task_id} has ended: {state}", task_id=task_id, state=state)


class LeaseLost(Aborted):
    """The lease that a report names is not held any more; the report does not count."""

    reason = "LEASE_LOST"

    def __init__(self, lease: "LeaseKey") -> None:
        super().__init__(
            f"the lease {lease.lease_epoch} of the task {lease.task_id} is lost",
            task_id=lease.task_id,
            lease_epoch=str(lease.lease_epoch),
        )


class TaskState(StrEnum):
    """The states of the Agent2Agent protocol, 1.0.1, that a task passes through."""

    SUBMITTED = "SUBMITTED"
    WORKING = "WORKING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"

    @property
    def ended(self) -> bool:
        """Whether a task in this state never changes again."""
        return self not in {TaskState.SUBMITTED, TaskState.WORKING}


class AttemptOutcome(StrEnum):
    """How a lease ended."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    LEASE_EXPIRED = "LEASE_EXPIRED"
    RELEASED = "RELEASED"
    CANCELED = "CANCELED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes and their media type; never looked into."""

    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class TaskError:
    """Why a task failed: a stable word, and a text for people."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class LeaseKey:
    """A task, and the epoch of one lease of it: the fence."""

    task_id: str
    lease_epoch: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One lease of a task to an agent. `end_time` and `outcome` are None while it goes on."""

    lease_epoch: int
    agent_id: str
    start_time: datetime
    end_time: datetime | None
    outcome: AttemptOutcome | None
    error_message: str


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task as asked for. `request_id` is empty where the caller wants no protection against repetition."""

    id: str
    tenant: str
    creator: str
    request_id: str
    request_digest: bytes
    title: str
    capability: str
    priority: int
    input: Payload | None
    labels: Mapping[str, str]
    max_attempts: int
    lease_duration: timedelta
    deadline: datetime | None
    traceparent: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it stands."""

    id: str
    tenant: str
    creator: str
    title: str
    capability: str
    priority: int
    state: TaskState
    input: Payload | None
    output: Payload | None
    error: TaskError | None
    labels: Mapping[str, str]
    agent_id: str
    lease_epoch: int
    lease_expire_time: datetime | None
    lease_duration: timedelta
    attempts: int
    max_attempts: int
    progress: float
    progress_message: str
    revision: int
    create_time: datetime
    update_time: datetime
    end_time: datetime | None
    deadline: datetime | None
    traceparent: str
    request_digest: bytes = field(repr=False)

    @property
    def lease(self) -> LeaseKey:
        """The present lease, or the last one."""
        return LeaseKey(self.id, self.lease_epoch)


@dataclass(frozen=True, slots=True)
class TaskChange:
    """That a task has changed; who needs more asks for it."""

    task_id: str
    tenant: str
    state: TaskState
    revision: int
    agent_id: str
    capability: str
    lease_epoch: int

    @property
    def lease(self) -> LeaseKey:
        """The lease that was current at the change."""
        return LeaseKey(self.task_id, self.lease_epoch)

    @classmethod
    def of(cls, task: Task) -> "TaskChange":
        """The change after which the task stands so."""
        return cls(task.id, task.tenant, task.state, task.revision, task.agent_id, task.capability, task.lease_epoch)


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Which tasks to list. `after` is the id of the last one seen; None, empty: any."""

    limit: int
    after: str | None = None
    state: TaskState | None = None
    capability: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
