import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from rookery.options.v1 import method_pb2 as _method_pb2
from rookery.orchestrator.v1 import credits_pb2 as _credits_pb2
from rookery.orchestrator.v1 import payload_pb2 as _payload_pb2
from rookery.orchestrator.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateTaskRequest(_message.Message):
    __slots__ = ("request_id", "title", "capability", "priority", "input", "labels", "max_attempts", "lease_duration", "deadline")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    title: str
    capability: str
    priority: int
    input: _payload_pb2.Payload
    labels: _containers.ScalarMap[str, str]
    max_attempts: int
    lease_duration: _duration_pb2.Duration
    deadline: _timestamp_pb2.Timestamp
    def __init__(self, request_id: _Optional[str] = ..., title: _Optional[str] = ..., capability: _Optional[str] = ..., priority: _Optional[int] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ..., max_attempts: _Optional[int] = ..., lease_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., deadline: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.Task
    def __init__(self, task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ...) -> None: ...

class GetTaskRequest(_message.Message):
    __slots__ = ("task_id",)
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    def __init__(self, task_id: _Optional[str] = ...) -> None: ...

class GetTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.Task
    def __init__(self, task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "state", "capability", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    state: _task_pb2.TaskState
    capability: str
    labels: _containers.ScalarMap[str, str]
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., state: _Optional[_Union[_task_pb2.TaskState, str]] = ..., capability: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[_task_pb2.Task]
    next_page_token: str
    def __init__(self, tasks: _Optional[_Iterable[_Union[_task_pb2.Task, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CancelTaskRequest(_message.Message):
    __slots__ = ("request_id", "task_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    task_id: str
    def __init__(self, request_id: _Optional[str] = ..., task_id: _Optional[str] = ...) -> None: ...

class CancelTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.Task
    def __init__(self, task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ...) -> None: ...

class WatchTaskRequest(_message.Message):
    __slots__ = ("task_id", "after_revision")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_REVISION_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    after_revision: int
    def __init__(self, task_id: _Optional[str] = ..., after_revision: _Optional[int] = ...) -> None: ...

class WatchTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.Task
    def __init__(self, task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ...) -> None: ...

class WorkRequest(_message.Message):
    __slots__ = ("open", "credits", "heartbeat", "progress", "result", "failure", "release")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    open: OpenWork
    credits: _credits_pb2.GrantCredits
    heartbeat: WorkHeartbeat
    progress: TaskProgress
    result: TaskResult
    failure: TaskFailure
    release: ReleaseTask
    def __init__(self, open: _Optional[_Union[OpenWork, _Mapping]] = ..., credits: _Optional[_Union[_credits_pb2.GrantCredits, _Mapping]] = ..., heartbeat: _Optional[_Union[WorkHeartbeat, _Mapping]] = ..., progress: _Optional[_Union[TaskProgress, _Mapping]] = ..., result: _Optional[_Union[TaskResult, _Mapping]] = ..., failure: _Optional[_Union[TaskFailure, _Mapping]] = ..., release: _Optional[_Union[ReleaseTask, _Mapping]] = ...) -> None: ...

class LeaseKey(_message.Message):
    __slots__ = ("task_id", "lease_epoch")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    LEASE_EPOCH_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    lease_epoch: int
    def __init__(self, task_id: _Optional[str] = ..., lease_epoch: _Optional[int] = ...) -> None: ...

class OpenWork(_message.Message):
    __slots__ = ("session_epoch", "capabilities", "held_leases")
    SESSION_EPOCH_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    HELD_LEASES_FIELD_NUMBER: _ClassVar[int]
    session_epoch: int
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    held_leases: _containers.RepeatedCompositeFieldContainer[LeaseKey]
    def __init__(self, session_epoch: _Optional[int] = ..., capabilities: _Optional[_Iterable[str]] = ..., held_leases: _Optional[_Iterable[_Union[LeaseKey, _Mapping]]] = ...) -> None: ...

class WorkHeartbeat(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TaskProgress(_message.Message):
    __slots__ = ("lease", "progress", "message")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    lease: LeaseKey
    progress: float
    message: str
    def __init__(self, lease: _Optional[_Union[LeaseKey, _Mapping]] = ..., progress: _Optional[float] = ..., message: _Optional[str] = ...) -> None: ...

class TaskResult(_message.Message):
    __slots__ = ("lease", "output")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    lease: LeaseKey
    output: _payload_pb2.Payload
    def __init__(self, lease: _Optional[_Union[LeaseKey, _Mapping]] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class TaskFailure(_message.Message):
    __slots__ = ("lease", "error", "retryable", "rejected")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    lease: LeaseKey
    error: _task_pb2.TaskError
    retryable: bool
    rejected: bool
    def __init__(self, lease: _Optional[_Union[LeaseKey, _Mapping]] = ..., error: _Optional[_Union[_task_pb2.TaskError, _Mapping]] = ..., retryable: _Optional[bool] = ..., rejected: _Optional[bool] = ...) -> None: ...

class ReleaseTask(_message.Message):
    __slots__ = ("lease",)
    LEASE_FIELD_NUMBER: _ClassVar[int]
    lease: LeaseKey
    def __init__(self, lease: _Optional[_Union[LeaseKey, _Mapping]] = ...) -> None: ...

class WorkResponse(_message.Message):
    __slots__ = ("opened", "assignment", "accepted", "refused", "stop")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    opened: WorkOpened
    assignment: TaskAssignment
    accepted: ReportAccepted
    refused: ReportRefused
    stop: StopTask
    def __init__(self, opened: _Optional[_Union[WorkOpened, _Mapping]] = ..., assignment: _Optional[_Union[TaskAssignment, _Mapping]] = ..., accepted: _Optional[_Union[ReportAccepted, _Mapping]] = ..., refused: _Optional[_Union[ReportRefused, _Mapping]] = ..., stop: _Optional[_Union[StopTask, _Mapping]] = ...) -> None: ...

class WorkOpened(_message.Message):
    __slots__ = ("kept_leases",)
    KEPT_LEASES_FIELD_NUMBER: _ClassVar[int]
    kept_leases: _containers.RepeatedCompositeFieldContainer[LeaseKey]
    def __init__(self, kept_leases: _Optional[_Iterable[_Union[LeaseKey, _Mapping]]] = ...) -> None: ...

class TaskAssignment(_message.Message):
    __slots__ = ("task", "traceparent")
    TASK_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.Task
    traceparent: str
    def __init__(self, task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ..., traceparent: _Optional[str] = ...) -> None: ...

class ReportAccepted(_message.Message):
    __slots__ = ("lease",)
    LEASE_FIELD_NUMBER: _ClassVar[int]
    lease: LeaseKey
    def __init__(self, lease: _Optional[_Union[LeaseKey, _Mapping]] = ...) -> None: ...

class ReportRefused(_message.Message):
    __slots__ = ("lease", "status")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    lease: LeaseKey
    status: _status_pb2.Status
    def __init__(self, lease: _Optional[_Union[LeaseKey, _Mapping]] = ..., status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class StopTask(_message.Message):
    __slots__ = ("lease", "reason")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    lease: LeaseKey
    reason: str
    def __init__(self, lease: _Optional[_Union[LeaseKey, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...
