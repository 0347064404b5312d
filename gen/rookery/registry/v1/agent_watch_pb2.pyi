from buf.validate import validate_pb2 as _validate_pb2
from rookery.registry.v1 import agent_pb2 as _agent_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WatchedChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WATCHED_CHANGE_KIND_UNSPECIFIED: _ClassVar[WatchedChangeKind]
    WATCHED_CHANGE_KIND_REGISTERED: _ClassVar[WatchedChangeKind]
    WATCHED_CHANGE_KIND_UPDATED: _ClassVar[WatchedChangeKind]
    WATCHED_CHANGE_KIND_OFFLINE: _ClassVar[WatchedChangeKind]
    WATCHED_CHANGE_KIND_ONLINE: _ClassVar[WatchedChangeKind]
    WATCHED_CHANGE_KIND_DEREGISTERED: _ClassVar[WatchedChangeKind]
    WATCHED_CHANGE_KIND_DEPARTED: _ClassVar[WatchedChangeKind]
WATCHED_CHANGE_KIND_UNSPECIFIED: WatchedChangeKind
WATCHED_CHANGE_KIND_REGISTERED: WatchedChangeKind
WATCHED_CHANGE_KIND_UPDATED: WatchedChangeKind
WATCHED_CHANGE_KIND_OFFLINE: WatchedChangeKind
WATCHED_CHANGE_KIND_ONLINE: WatchedChangeKind
WATCHED_CHANGE_KIND_DEREGISTERED: WatchedChangeKind
WATCHED_CHANGE_KIND_DEPARTED: WatchedChangeKind

class WatchAgentsRequest(_message.Message):
    __slots__ = ("capability", "status", "after_revision")
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    AFTER_REVISION_FIELD_NUMBER: _ClassVar[int]
    capability: str
    status: _agent_pb2.AgentStatus
    after_revision: int
    def __init__(self, capability: _Optional[str] = ..., status: _Optional[_Union[_agent_pb2.AgentStatus, str]] = ..., after_revision: _Optional[int] = ...) -> None: ...

class WatchAgentsResponse(_message.Message):
    __slots__ = ("revision", "snapshot", "synced", "changes")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SYNCED_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    revision: int
    snapshot: WatchedAgents
    synced: SnapshotComplete
    changes: WatchedChanges
    def __init__(self, revision: _Optional[int] = ..., snapshot: _Optional[_Union[WatchedAgents, _Mapping]] = ..., synced: _Optional[_Union[SnapshotComplete, _Mapping]] = ..., changes: _Optional[_Union[WatchedChanges, _Mapping]] = ...) -> None: ...

class WatchedAgents(_message.Message):
    __slots__ = ("agents",)
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    agents: _containers.RepeatedCompositeFieldContainer[_agent_pb2.Agent]
    def __init__(self, agents: _Optional[_Iterable[_Union[_agent_pb2.Agent, _Mapping]]] = ...) -> None: ...

class SnapshotComplete(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchedChanges(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[WatchedChange]
    def __init__(self, changes: _Optional[_Iterable[_Union[WatchedChange, _Mapping]]] = ...) -> None: ...

class WatchedChange(_message.Message):
    __slots__ = ("revision", "kind", "agent")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    revision: int
    kind: WatchedChangeKind
    agent: _agent_pb2.Agent
    def __init__(self, revision: _Optional[int] = ..., kind: _Optional[_Union[WatchedChangeKind, str]] = ..., agent: _Optional[_Union[_agent_pb2.Agent, _Mapping]] = ...) -> None: ...
