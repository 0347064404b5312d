from rookery.orchestrator.v1 import task_pb2 as _task_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskChanged(_message.Message):
    __slots__ = ("task_id", "tenant", "state", "revision", "agent_id", "capability", "lease_epoch")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    LEASE_EPOCH_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    tenant: str
    state: _task_pb2.TaskState
    revision: int
    agent_id: str
    capability: str
    lease_epoch: int
    def __init__(self, task_id: _Optional[str] = ..., tenant: _Optional[str] = ..., state: _Optional[_Union[_task_pb2.TaskState, str]] = ..., revision: _Optional[int] = ..., agent_id: _Optional[str] = ..., capability: _Optional[str] = ..., lease_epoch: _Optional[int] = ...) -> None: ...
