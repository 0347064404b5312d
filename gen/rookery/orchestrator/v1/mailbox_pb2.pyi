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

class MessageState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MESSAGE_STATE_UNSPECIFIED: _ClassVar[MessageState]
    MESSAGE_STATE_SENT: _ClassVar[MessageState]
    MESSAGE_STATE_ACKED: _ClassVar[MessageState]
    MESSAGE_STATE_DEAD_LETTERED: _ClassVar[MessageState]
    MESSAGE_STATE_EXPIRED: _ClassVar[MessageState]
    MESSAGE_STATE_PURGED: _ClassVar[MessageState]
MESSAGE_STATE_UNSPECIFIED: MessageState
MESSAGE_STATE_SENT: MessageState
MESSAGE_STATE_ACKED: MessageState
MESSAGE_STATE_DEAD_LETTERED: MessageState
MESSAGE_STATE_EXPIRED: MessageState
MESSAGE_STATE_PURGED: MessageState

class Mailbox(_message.Message):
    __slots__ = ("agent_id", "depths", "oldest_message_time", "in_flight", "redelivered", "dead_letters", "receiving", "session_epoch")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    DEPTHS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_MESSAGE_TIME_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    REDELIVERED_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    RECEIVING_FIELD_NUMBER: _ClassVar[int]
    SESSION_EPOCH_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    depths: _containers.RepeatedCompositeFieldContainer[MailboxDepth]
    oldest_message_time: _timestamp_pb2.Timestamp
    in_flight: int
    redelivered: int
    dead_letters: int
    receiving: bool
    session_epoch: int
    def __init__(self, agent_id: _Optional[str] = ..., depths: _Optional[_Iterable[_Union[MailboxDepth, _Mapping]]] = ..., oldest_message_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., in_flight: _Optional[int] = ..., redelivered: _Optional[int] = ..., dead_letters: _Optional[int] = ..., receiving: _Optional[bool] = ..., session_epoch: _Optional[int] = ...) -> None: ...

class MailboxDepth(_message.Message):
    __slots__ = ("priority", "messages")
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    priority: _message_pb2.Priority
    messages: int
    def __init__(self, priority: _Optional[_Union[_message_pb2.Priority, str]] = ..., messages: _Optional[int] = ...) -> None: ...

class MessageRecord(_message.Message):
    __slots__ = ("message", "state", "end_time", "delivery")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    message: _message_pb2.Message
    state: MessageState
    end_time: _timestamp_pb2.Timestamp
    delivery: int
    def __init__(self, message: _Optional[_Union[_message_pb2.Message, _Mapping]] = ..., state: _Optional[_Union[MessageState, str]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., delivery: _Optional[int] = ...) -> None: ...
