import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from rookery.orchestrator.v1 import message_pb2 as _message_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeadLetterState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEAD_LETTER_STATE_UNSPECIFIED: _ClassVar[DeadLetterState]
    DEAD_LETTER_STATE_DEAD: _ClassVar[DeadLetterState]
    DEAD_LETTER_STATE_REQUEUING: _ClassVar[DeadLetterState]
    DEAD_LETTER_STATE_REQUEUED: _ClassVar[DeadLetterState]
    DEAD_LETTER_STATE_DISCARDED: _ClassVar[DeadLetterState]

class DeliveryOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_OUTCOME_UNSPECIFIED: _ClassVar[DeliveryOutcome]
    DELIVERY_OUTCOME_REFUSED: _ClassVar[DeliveryOutcome]
    DELIVERY_OUTCOME_TERMINATED: _ClassVar[DeliveryOutcome]
    DELIVERY_OUTCOME_RECEIVER_LOST: _ClassVar[DeliveryOutcome]
DEAD_LETTER_STATE_UNSPECIFIED: DeadLetterState
DEAD_LETTER_STATE_DEAD: DeadLetterState
DEAD_LETTER_STATE_REQUEUING: DeadLetterState
DEAD_LETTER_STATE_REQUEUED: DeadLetterState
DEAD_LETTER_STATE_DISCARDED: DeadLetterState
DELIVERY_OUTCOME_UNSPECIFIED: DeliveryOutcome
DELIVERY_OUTCOME_REFUSED: DeliveryOutcome
DELIVERY_OUTCOME_TERMINATED: DeliveryOutcome
DELIVERY_OUTCOME_RECEIVER_LOST: DeliveryOutcome

class DeadLetter(_message.Message):
    __slots__ = ("id", "message", "reason", "detail", "deliveries", "agent_version", "handler", "create_time", "state", "update_time", "updated_by", "attempts")
    ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATED_BY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    message: _message_pb2.Message
    reason: str
    detail: str
    deliveries: int
    agent_version: str
    handler: str
    create_time: _timestamp_pb2.Timestamp
    state: DeadLetterState
    update_time: _timestamp_pb2.Timestamp
    updated_by: str
    attempts: _containers.RepeatedCompositeFieldContainer[DeliveryAttempt]
    def __init__(self, id: _Optional[str] = ..., message: _Optional[_Union[_message_pb2.Message, _Mapping]] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ..., deliveries: _Optional[int] = ..., agent_version: _Optional[str] = ..., handler: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[DeadLetterState, str]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_by: _Optional[str] = ..., attempts: _Optional[_Iterable[_Union[DeliveryAttempt, _Mapping]]] = ...) -> None: ...

class DeliveryAttempt(_message.Message):
    __slots__ = ("delivery", "end_time", "agent_version", "session_epoch", "handler", "outcome", "reason")
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    SESSION_EPOCH_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    delivery: int
    end_time: _timestamp_pb2.Timestamp
    agent_version: str
    session_epoch: int
    handler: str
    outcome: DeliveryOutcome
    reason: str
    def __init__(self, delivery: _Optional[int] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., agent_version: _Optional[str] = ..., session_epoch: _Optional[int] = ..., handler: _Optional[str] = ..., outcome: _Optional[_Union[DeliveryOutcome, str]] = ..., reason: _Optional[str] = ...) -> None: ...
