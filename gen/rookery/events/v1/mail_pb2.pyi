import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from rookery.orchestrator.v1 import dead_letter_pb2 as _dead_letter_pb2
from rookery.orchestrator.v1 import mailbox_pb2 as _mailbox_pb2
from rookery.orchestrator.v1 import message_pb2 as _message_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Mail(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: _message_pb2.Message
    def __init__(self, message: _Optional[_Union[_message_pb2.Message, _Mapping]] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("message", "reason", "detail", "attempts", "id", "attempt_history", "create_time")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_HISTORY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    message: _message_pb2.Message
    reason: str
    detail: str
    attempts: int
    id: str
    attempt_history: _containers.RepeatedCompositeFieldContainer[_dead_letter_pb2.DeliveryAttempt]
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, message: _Optional[_Union[_message_pb2.Message, _Mapping]] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ..., attempts: _Optional[int] = ..., id: _Optional[str] = ..., attempt_history: _Optional[_Iterable[_Union[_dead_letter_pb2.DeliveryAttempt, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AttemptHistory(_message.Message):
    __slots__ = ("store_time", "attempts", "count")
    STORE_TIME_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    store_time: _timestamp_pb2.Timestamp
    attempts: _containers.RepeatedCompositeFieldContainer[_dead_letter_pb2.DeliveryAttempt]
    count: int
    def __init__(self, store_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attempts: _Optional[_Iterable[_Union[_dead_letter_pb2.DeliveryAttempt, _Mapping]]] = ..., count: _Optional[int] = ...) -> None: ...

class Trail(_message.Message):
    __slots__ = ("sent", "outcomes", "sent_again")
    SENT_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    SENT_AGAIN_FIELD_NUMBER: _ClassVar[int]
    sent: _containers.RepeatedCompositeFieldContainer[_message_pb2.Message]
    outcomes: _containers.RepeatedCompositeFieldContainer[MessageOutcome]
    sent_again: _containers.RepeatedCompositeFieldContainer[_message_pb2.Message]
    def __init__(self, sent: _Optional[_Iterable[_Union[_message_pb2.Message, _Mapping]]] = ..., outcomes: _Optional[_Iterable[_Union[MessageOutcome, _Mapping]]] = ..., sent_again: _Optional[_Iterable[_Union[_message_pb2.Message, _Mapping]]] = ...) -> None: ...

class MessageOutcome(_message.Message):
    __slots__ = ("id", "sender", "create_time", "state", "end_time", "delivery")
    ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    id: str
    sender: str
    create_time: _timestamp_pb2.Timestamp
    state: _mailbox_pb2.MessageState
    end_time: _timestamp_pb2.Timestamp
    delivery: int
    def __init__(self, id: _Optional[str] = ..., sender: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[_mailbox_pb2.MessageState, str]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., delivery: _Optional[int] = ...) -> None: ...
