import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from rookery.options.v1 import method_pb2 as _method_pb2
from rookery.orchestrator.v1 import credits_pb2 as _credits_pb2
from rookery.orchestrator.v1 import mailbox_pb2 as _mailbox_pb2
from rookery.orchestrator.v1 import message_pb2 as _message_pb2
from rookery.orchestrator.v1 import payload_pb2 as _payload_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SendMessageRequest(_message.Message):
    __slots__ = ("message_id", "recipient_agent_id", "recipient_name", "reply_address", "priority", "type", "payload", "correlation_id", "reply_to_agent_id", "time_to_live", "deliver_time")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    REPLY_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_LIVE_FIELD_NUMBER: _ClassVar[int]
    DELIVER_TIME_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    recipient_agent_id: str
    recipient_name: str
    reply_address: str
    priority: _message_pb2.Priority
    type: str
    payload: _payload_pb2.Payload
    correlation_id: str
    reply_to_agent_id: str
    time_to_live: _duration_pb2.Duration
    deliver_time: _timestamp_pb2.Timestamp
    def __init__(self, message_id: _Optional[str] = ..., recipient_agent_id: _Optional[str] = ..., recipient_name: _Optional[str] = ..., reply_address: _Optional[str] = ..., priority: _Optional[_Union[_message_pb2.Priority, str]] = ..., type: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., correlation_id: _Optional[str] = ..., reply_to_agent_id: _Optional[str] = ..., time_to_live: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., deliver_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SendMessageResponse(_message.Message):
    __slots__ = ("message", "duplicate")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    message: _message_pb2.Message
    duplicate: bool
    def __init__(self, message: _Optional[_Union[_message_pb2.Message, _Mapping]] = ..., duplicate: _Optional[bool] = ...) -> None: ...

class SendMessagesRequest(_message.Message):
    __slots__ = ("messages",)
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[SendMessageRequest]
    def __init__(self, messages: _Optional[_Iterable[_Union[SendMessageRequest, _Mapping]]] = ...) -> None: ...

class SendMessagesResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[SendResult]
    def __init__(self, results: _Optional[_Iterable[_Union[SendResult, _Mapping]]] = ...) -> None: ...

class SendResult(_message.Message):
    __slots__ = ("message_id", "duplicate", "error")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    duplicate: bool
    error: _status_pb2.Status
    def __init__(self, message_id: _Optional[str] = ..., duplicate: _Optional[bool] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class RequestRequest(_message.Message):
    __slots__ = ("message_id", "recipient_agent_id", "recipient_name", "priority", "type", "payload")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    recipient_agent_id: str
    recipient_name: str
    priority: _message_pb2.Priority
    type: str
    payload: _payload_pb2.Payload
    def __init__(self, message_id: _Optional[str] = ..., recipient_agent_id: _Optional[str] = ..., recipient_name: _Optional[str] = ..., priority: _Optional[_Union[_message_pb2.Priority, str]] = ..., type: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class RequestResponse(_message.Message):
    __slots__ = ("reply",)
    REPLY_FIELD_NUMBER: _ClassVar[int]
    reply: _message_pb2.Message
    def __init__(self, reply: _Optional[_Union[_message_pb2.Message, _Mapping]] = ...) -> None: ...

class BroadcastRequest(_message.Message):
    __slots__ = ("message_id", "selector", "priority", "type", "payload", "correlation_id", "reply_to_agent_id")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    SELECTOR_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    selector: AgentSelector
    priority: _message_pb2.Priority
    type: str
    payload: _payload_pb2.Payload
    correlation_id: str
    reply_to_agent_id: str
    def __init__(self, message_id: _Optional[str] = ..., selector: _Optional[_Union[AgentSelector, _Mapping]] = ..., priority: _Optional[_Union[_message_pb2.Priority, str]] = ..., type: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., correlation_id: _Optional[str] = ..., reply_to_agent_id: _Optional[str] = ...) -> None: ...

class AgentSelector(_message.Message):
    __slots__ = ("capability", "role", "labels", "online_only")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    ONLINE_ONLY_FIELD_NUMBER: _ClassVar[int]
    capability: str
    role: str
    labels: _containers.ScalarMap[str, str]
    online_only: bool
    def __init__(self, capability: _Optional[str] = ..., role: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., online_only: _Optional[bool] = ...) -> None: ...

class BroadcastResponse(_message.Message):
    __slots__ = ("message_id", "recipient_count", "pending_count", "duplicate")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    PENDING_COUNT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    recipient_count: int
    pending_count: int
    duplicate: bool
    def __init__(self, message_id: _Optional[str] = ..., recipient_count: _Optional[int] = ..., pending_count: _Optional[int] = ..., duplicate: _Optional[bool] = ...) -> None: ...

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
    __slots__ = ("session_epoch", "agent_version")
    SESSION_EPOCH_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    session_epoch: int
    agent_version: str
    def __init__(self, session_epoch: _Optional[int] = ..., agent_version: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("delay", "reason", "handler")
    DELAY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    delay: _duration_pb2.Duration
    reason: str
    handler: str
    def __init__(self, delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., reason: _Optional[str] = ..., handler: _Optional[str] = ...) -> None: ...

class InProgress(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Terminate(_message.Message):
    __slots__ = ("reason", "handler")
    REASON_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    reason: str
    handler: str
    def __init__(self, reason: _Optional[str] = ..., handler: _Optional[str] = ...) -> None: ...

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

class ListMessagesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "agent_id", "correlation_id", "type", "since", "until", "state")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    agent_id: str
    correlation_id: str
    type: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    state: _mailbox_pb2.MessageState
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., agent_id: _Optional[str] = ..., correlation_id: _Optional[str] = ..., type: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[_mailbox_pb2.MessageState, str]] = ...) -> None: ...

class ListMessagesResponse(_message.Message):
    __slots__ = ("messages", "next_page_token")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[_mailbox_pb2.MessageRecord]
    next_page_token: str
    def __init__(self, messages: _Optional[_Iterable[_Union[_mailbox_pb2.MessageRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetMailboxRequest(_message.Message):
    __slots__ = ("agent_id",)
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    def __init__(self, agent_id: _Optional[str] = ...) -> None: ...

class GetMailboxResponse(_message.Message):
    __slots__ = ("mailbox",)
    MAILBOX_FIELD_NUMBER: _ClassVar[int]
    mailbox: _mailbox_pb2.Mailbox
    def __init__(self, mailbox: _Optional[_Union[_mailbox_pb2.Mailbox, _Mapping]] = ...) -> None: ...

class PurgeMailboxRequest(_message.Message):
    __slots__ = ("request_id", "agent_id", "priority", "before")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    agent_id: str
    priority: _message_pb2.Priority
    before: _timestamp_pb2.Timestamp
    def __init__(self, request_id: _Optional[str] = ..., agent_id: _Optional[str] = ..., priority: _Optional[_Union[_message_pb2.Priority, str]] = ..., before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PurgeMailboxResponse(_message.Message):
    __slots__ = ("purged", "agent_id")
    PURGED_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    purged: int
    agent_id: str
    def __init__(self, purged: _Optional[int] = ..., agent_id: _Optional[str] = ...) -> None: ...
