import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from rookery.orchestrator.v1 import payload_pb2 as _payload_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Priority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITY_UNSPECIFIED: _ClassVar[Priority]
    PRIORITY_HIGH: _ClassVar[Priority]
    PRIORITY_NORMAL: _ClassVar[Priority]
    PRIORITY_LOW: _ClassVar[Priority]
PRIORITY_UNSPECIFIED: Priority
PRIORITY_HIGH: Priority
PRIORITY_NORMAL: Priority
PRIORITY_LOW: Priority

class Message(_message.Message):
    __slots__ = ("id", "sender", "recipient_agent_id", "priority", "type", "payload", "correlation_id", "reply_to_agent_id", "create_time", "traceparent", "expire_time", "deliver_time", "delegates", "reply_address", "reply_deadline", "topic", "publication_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    DELIVER_TIME_FIELD_NUMBER: _ClassVar[int]
    DELEGATES_FIELD_NUMBER: _ClassVar[int]
    REPLY_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REPLY_DEADLINE_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PUBLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    sender: str
    recipient_agent_id: str
    priority: Priority
    type: str
    payload: _payload_pb2.Payload
    correlation_id: str
    reply_to_agent_id: str
    create_time: _timestamp_pb2.Timestamp
    traceparent: str
    expire_time: _timestamp_pb2.Timestamp
    deliver_time: _timestamp_pb2.Timestamp
    delegates: _containers.RepeatedScalarFieldContainer[str]
    reply_address: str
    reply_deadline: _timestamp_pb2.Timestamp
    topic: str
    publication_id: str
    def __init__(self, id: _Optional[str] = ..., sender: _Optional[str] = ..., recipient_agent_id: _Optional[str] = ..., priority: _Optional[_Union[Priority, str]] = ..., type: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., correlation_id: _Optional[str] = ..., reply_to_agent_id: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., traceparent: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deliver_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., delegates: _Optional[_Iterable[str]] = ..., reply_address: _Optional[str] = ..., reply_deadline: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., topic: _Optional[str] = ..., publication_id: _Optional[str] = ...) -> None: ...
