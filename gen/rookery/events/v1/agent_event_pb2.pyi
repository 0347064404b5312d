from rookery.registry.v1 import agent_pb2 as _agent_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AgentChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AGENT_CHANGE_UNSPECIFIED: _ClassVar[AgentChange]
    AGENT_CHANGE_REGISTERED: _ClassVar[AgentChange]
    AGENT_CHANGE_UPDATED: _ClassVar[AgentChange]
    AGENT_CHANGE_OFFLINE: _ClassVar[AgentChange]
    AGENT_CHANGE_ONLINE: _ClassVar[AgentChange]
    AGENT_CHANGE_DEREGISTERED: _ClassVar[AgentChange]
AGENT_CHANGE_UNSPECIFIED: AgentChange
AGENT_CHANGE_REGISTERED: AgentChange
AGENT_CHANGE_UPDATED: AgentChange
AGENT_CHANGE_OFFLINE: AgentChange
AGENT_CHANGE_ONLINE: AgentChange
AGENT_CHANGE_DEREGISTERED: AgentChange

class AgentChanged(_message.Message):
    __slots__ = ("change", "agent", "revision")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    change: AgentChange
    agent: _agent_pb2.Agent
    revision: int
    def __init__(self, change: _Optional[_Union[AgentChange, str]] = ..., agent: _Optional[_Union[_agent_pb2.Agent, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...
