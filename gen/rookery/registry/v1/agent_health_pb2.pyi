import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HealthMetrics(_message.Message):
    __slots__ = ("requests_handled", "mean_response_ms", "error_rate", "cpu_fraction", "memory_bytes", "in_flight", "capacity")
    REQUESTS_HANDLED_FIELD_NUMBER: _ClassVar[int]
    MEAN_RESPONSE_MS_FIELD_NUMBER: _ClassVar[int]
    ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    CPU_FRACTION_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    requests_handled: int
    mean_response_ms: float
    error_rate: float
    cpu_fraction: float
    memory_bytes: int
    in_flight: int
    capacity: int
    def __init__(self, requests_handled: _Optional[int] = ..., mean_response_ms: _Optional[float] = ..., error_rate: _Optional[float] = ..., cpu_fraction: _Optional[float] = ..., memory_bytes: _Optional[int] = ..., in_flight: _Optional[int] = ..., capacity: _Optional[int] = ...) -> None: ...

class HealthPoint(_message.Message):
    __slots__ = ("time", "sample_count", "mean", "min", "max")
    TIME_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    sample_count: int
    mean: HealthMetrics
    min: HealthMetrics
    max: HealthMetrics
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sample_count: _Optional[int] = ..., mean: _Optional[_Union[HealthMetrics, _Mapping]] = ..., min: _Optional[_Union[HealthMetrics, _Mapping]] = ..., max: _Optional[_Union[HealthMetrics, _Mapping]] = ...) -> None: ...

class ListHealthMetricsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "agent_id", "start_time", "end_time", "bucket")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    agent_id: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    bucket: _duration_pb2.Duration
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., agent_id: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., bucket: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ListHealthMetricsResponse(_message.Message):
    __slots__ = ("points", "next_page_token")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedCompositeFieldContainer[HealthPoint]
    next_page_token: str
    def __init__(self, points: _Optional[_Iterable[_Union[HealthPoint, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
