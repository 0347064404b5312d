import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from rookery.options.v1 import method_pb2 as _method_pb2
from rookery.orchestrator.v1 import message_pb2 as _message_pb2
from rookery.orchestrator.v1 import payload_pb2 as _payload_pb2
from rookery.orchestrator.v1 import topic_pb2 as _topic_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateTopicRequest(_message.Message):
    __slots__ = ("request_id", "topic", "description")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    topic: str
    description: str
    def __init__(self, request_id: _Optional[str] = ..., topic: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class CreateTopicResponse(_message.Message):
    __slots__ = ("topic",)
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    topic: _topic_pb2.Topic
    def __init__(self, topic: _Optional[_Union[_topic_pb2.Topic, _Mapping]] = ...) -> None: ...

class GetTopicRequest(_message.Message):
    __slots__ = ("topic",)
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    topic: str
    def __init__(self, topic: _Optional[str] = ...) -> None: ...

class GetTopicResponse(_message.Message):
    __slots__ = ("topic",)
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    topic: _topic_pb2.Topic
    def __init__(self, topic: _Optional[_Union[_topic_pb2.Topic, _Mapping]] = ...) -> None: ...

class DeleteTopicRequest(_message.Message):
    __slots__ = ("request_id", "topic")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    topic: str
    def __init__(self, request_id: _Optional[str] = ..., topic: _Optional[str] = ...) -> None: ...

class DeleteTopicResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTopicsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "member_agent_id")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MEMBER_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    member_agent_id: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., member_agent_id: _Optional[str] = ...) -> None: ...

class ListTopicsResponse(_message.Message):
    __slots__ = ("topics", "next_page_token")
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    topics: _containers.RepeatedCompositeFieldContainer[_topic_pb2.Topic]
    next_page_token: str
    def __init__(self, topics: _Optional[_Iterable[_Union[_topic_pb2.Topic, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class JoinTopicRequest(_message.Message):
    __slots__ = ("request_id", "topic", "agent_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    topic: str
    agent_id: str
    def __init__(self, request_id: _Optional[str] = ..., topic: _Optional[str] = ..., agent_id: _Optional[str] = ...) -> None: ...

class JoinTopicResponse(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: _topic_pb2.TopicMember
    def __init__(self, member: _Optional[_Union[_topic_pb2.TopicMember, _Mapping]] = ...) -> None: ...

class LeaveTopicRequest(_message.Message):
    __slots__ = ("request_id", "topic", "agent_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    topic: str
    agent_id: str
    def __init__(self, request_id: _Optional[str] = ..., topic: _Optional[str] = ..., agent_id: _Optional[str] = ...) -> None: ...

class LeaveTopicResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTopicMembersRequest(_message.Message):
    __slots__ = ("topic", "page_size", "page_token")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    topic: str
    page_size: int
    page_token: str
    def __init__(self, topic: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTopicMembersResponse(_message.Message):
    __slots__ = ("members", "next_page_token")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedCompositeFieldContainer[_topic_pb2.TopicMember]
    next_page_token: str
    def __init__(self, members: _Optional[_Iterable[_Union[_topic_pb2.TopicMember, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PublishRequest(_message.Message):
    __slots__ = ("message_id", "topic", "priority", "type", "payload", "correlation_id", "reply_to_agent_id")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    topic: str
    priority: _message_pb2.Priority
    type: str
    payload: _payload_pb2.Payload
    correlation_id: str
    reply_to_agent_id: str
    def __init__(self, message_id: _Optional[str] = ..., topic: _Optional[str] = ..., priority: _Optional[_Union[_message_pb2.Priority, str]] = ..., type: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., correlation_id: _Optional[str] = ..., reply_to_agent_id: _Optional[str] = ...) -> None: ...

class PublishResponse(_message.Message):
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

class SubscribeRequest(_message.Message):
    __slots__ = ("topic", "after_sequence", "since")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    topic: str
    after_sequence: int
    since: _timestamp_pb2.Timestamp
    def __init__(self, topic: _Optional[str] = ..., after_sequence: _Optional[int] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SubscribeResponse(_message.Message):
    __slots__ = ("opened", "publication")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    PUBLICATION_FIELD_NUMBER: _ClassVar[int]
    opened: SubscriptionOpened
    publication: TopicPublication
    def __init__(self, opened: _Optional[_Union[SubscriptionOpened, _Mapping]] = ..., publication: _Optional[_Union[TopicPublication, _Mapping]] = ...) -> None: ...

class SubscriptionOpened(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TopicPublication(_message.Message):
    __slots__ = ("sequence", "message")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    message: _message_pb2.Message
    def __init__(self, sequence: _Optional[int] = ..., message: _Optional[_Union[_message_pb2.Message, _Mapping]] = ...) -> None: ...
