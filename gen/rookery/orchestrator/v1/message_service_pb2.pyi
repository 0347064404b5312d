import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from rookery.options.v1 import method_pb2 as _method_pb2
from rookery.orchestrator.v1 import credits_pb2 as _credits_pb2
from rookery.orchestrator.v1 import message_pb2 as _message_pb2
from rookery.orchestrator.v1 import payload_pb2 as _payload_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SendMessageRequest(_message.Message):
    __slots__ = ("message_id", "recipient_agent_id", "recipient_name", "priority", "type", "payload", "correlation_id", "reply_to_agent_id")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    recipient_agent_id: str
    recipient_name: str
    priority: _message_pb2.Priority
    type: str
    payload: _payload_pb2.Payload
    correlation_id: str
    reply_to_agent_id: str
    def __init__(self, message_id: _Optional[str] = ..., recipient_agent_id: _Optional[str] = ..., recipient_name: _Optional[str] = ..., priority: _Optional[_Union[_message_pb2.Priority, str]] = ..., type: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., correlation_id: _Optional[str] = ..., reply_to_agent_id: _Optional[str] = ...) -> None: ...

class SendMessageResponse(_message.Message):
    __slots__ = ("message", "duplicate")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    message: _message_pb2.Message
    duplicate: bool
    def __init__(self, message: _Optional[_Union[_message_pb2.Message, _Mapping]] = ..., duplicate: _Optional[bool] = ...) -> None: ...

class ReceiveRequest(_message.Message):
    __slots__ = ("open", "credits", "settle")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    SETTLE_FIELD_NUMBER: _ClassVar[int]
    open: OpenMailbox
    credits: _credits_pb2.GrantCredits
    settle: SettleDeliveries
    def __init__(self, open: _Optional[_Union[OpenMailbox, _Mapping]] = ..., credits: _Optional[_Union[_credits_pb2.GrantCredits, _Mapping]] = ..., settle: _Optional[_Union[SettleDeliveries, _Mapping]] = ...) -> None: ...

class OpenMailbox(_message.Message):
    __slots__ = ("session_epoch",)
    SESSION_EPOCH_FIELD_NUMBER: _ClassVar[int]
    session_epoch: int
    def __init__(self, session_epoch: _Optional[int] = ...) -> None: ...

class SettleDeliveries(_message.Message):
    __slots__ = ("settlements",)
    SETTLEMENTS_FIELD_NUMBER: _ClassVar[int]
    settlements: _containers.RepeatedCompositeFieldContainer[Settlement]
    def __init__(self, settlements: _Optional[_Iterable[_Union[Settlement, _Mapping]]] = ...) -> None: ...

class Settlement(_message.Message):
    __slots__ = ("delivery_id", "ack", "nack", "in_progress", "terminate")
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    NACK_FIELD_NUMBER: _ClassVar[int]
    IN_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    TERMINATE_FIELD_NUMBER: _ClassVar[int]
    delivery_id: int
    ack: Ack
    nack: Nack
    in_progress: InProgress
    terminate: Terminate
    def __init__(self, delivery_id: _Optional[int] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., nack: _Optional[_Union[Nack, _Mapping]] = ..., in_progress: _Optional[_Union[InProgress, _Mapping]] = ..., terminate: _Optional[_Union[Terminate, _Mapping]] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Nack(_message.Message):
    __slots__ = ("delay", "reason")
    DELAY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    delay: _duration_pb2.Duration
    reason: str
    def __init__(self, delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class InProgress(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Terminate(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class ReceiveResponse(_message.Message):
    __slots__ = ("opened", "deliveries", "settled")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    opened: MailboxOpened
    deliveries: Deliveries
    settled: Settled
    def __init__(self, opened: _Optional[_Union[MailboxOpened, _Mapping]] = ..., deliveries: _Optional[_Union[Deliveries, _Mapping]] = ..., settled: _Optional[_Union[Settled, _Mapping]] = ...) -> None: ...

class MailboxOpened(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Deliveries(_message.Message):
    __slots__ = ("deliveries",)
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[Delivery]
    def __init__(self, deliveries: _Optional[_Iterable[_Union[Delivery, _Mapping]]] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("delivery_id", "message", "attempt")
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    delivery_id: int
    message: _message_pb2.Message
    attempt: int
    def __init__(self, delivery_id: _Optional[int] = ..., message: _Optional[_Union[_message_pb2.Message, _Mapping]] = ..., attempt: _Optional[int] = ...) -> None: ...

class Settled(_message.Message):
    __slots__ = ("delivery_ids", "unknown_delivery_ids")
    DELIVERY_IDS_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_DELIVERY_IDS_FIELD_NUMBER: _ClassVar[int]
    delivery_ids: _containers.RepeatedScalarFieldContainer[int]
    unknown_delivery_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, delivery_ids: _Optional[_Iterable[int]] = ..., unknown_delivery_ids: _Optional[_Iterable[int]] = ...) -> None: ...
