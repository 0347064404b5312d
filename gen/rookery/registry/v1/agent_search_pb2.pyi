import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from rookery.registry.v1 import agent_pb2 as _agent_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FindAgentsRequest(_message.Message):
    __slots__ = ("limit", "capabilities", "labels", "filter", "max_cost")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    MAX_COST_FIELD_NUMBER: _ClassVar[int]
    limit: int
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    labels: _containers.ScalarMap[str, str]
    filter: str
    max_cost: float
    def __init__(self, limit: _Optional[int] = ..., capabilities: _Optional[_Iterable[str]] = ..., labels: _Optional[_Mapping[str, str]] = ..., filter: _Optional[str] = ..., max_cost: _Optional[float] = ...) -> None: ...

class FindAgentsResponse(_message.Message):
    __slots__ = ("matches",)
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    matches: _containers.RepeatedCompositeFieldContainer[AgentMatch]
    def __init__(self, matches: _Optional[_Iterable[_Union[AgentMatch, _Mapping]]] = ...) -> None: ...

class AgentMatch(_message.Message):
    __slots__ = ("agent", "cost", "load")
    AGENT_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    agent: _agent_pb2.Agent
    cost: float
    load: AgentLoad
    def __init__(self, agent: _Optional[_Union[_agent_pb2.Agent, _Mapping]] = ..., cost: _Optional[float] = ..., load: _Optional[_Union[AgentLoad, _Mapping]] = ...) -> None: ...

class AgentLoad(_message.Message):
    __slots__ = ("in_flight", "capacity", "error_rate", "mean_response_ms", "report_time")
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    MEAN_RESPONSE_MS_FIELD_NUMBER: _ClassVar[int]
    REPORT_TIME_FIELD_NUMBER: _ClassVar[int]
    in_flight: int
    capacity: int
    error_rate: float
    mean_response_ms: float
    report_time: _timestamp_pb2.Timestamp
    def __init__(self, in_flight: _Optional[int] = ..., capacity: _Optional[int] = ..., error_rate: _Optional[float] = ..., mean_response_ms: _Optional[float] = ..., report_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
