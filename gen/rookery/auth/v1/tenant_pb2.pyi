import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TenantState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TENANT_STATE_UNSPECIFIED: _ClassVar[TenantState]
    TENANT_STATE_ACTIVE: _ClassVar[TenantState]
    TENANT_STATE_SUSPENDED: _ClassVar[TenantState]
    TENANT_STATE_DELETING: _ClassVar[TenantState]
    TENANT_STATE_DELETED: _ClassVar[TenantState]
TENANT_STATE_UNSPECIFIED: TenantState
TENANT_STATE_ACTIVE: TenantState
TENANT_STATE_SUSPENDED: TenantState
TENANT_STATE_DELETING: TenantState
TENANT_STATE_DELETED: TenantState

class Quotas(_message.Message):
    __slots__ = ("requests_per_second", "max_agents", "max_api_keys", "max_mailbox_messages", "max_mailbox_bytes")
    REQUESTS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    MAX_AGENTS_FIELD_NUMBER: _ClassVar[int]
    MAX_API_KEYS_FIELD_NUMBER: _ClassVar[int]
    MAX_MAILBOX_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    MAX_MAILBOX_BYTES_FIELD_NUMBER: _ClassVar[int]
    requests_per_second: int
    max_agents: int
    max_api_keys: int
    max_mailbox_messages: int
    max_mailbox_bytes: int
    def __init__(self, requests_per_second: _Optional[int] = ..., max_agents: _Optional[int] = ..., max_api_keys: _Optional[int] = ..., max_mailbox_messages: _Optional[int] = ..., max_mailbox_bytes: _Optional[int] = ...) -> None: ...

class Tenant(_message.Message):
    __slots__ = ("id", "display_name", "state", "quotas", "etag", "create_time", "update_time", "erasing_services")
    ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ERASING_SERVICES_FIELD_NUMBER: _ClassVar[int]
    id: str
    display_name: str
    state: TenantState
    quotas: Quotas
    etag: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    erasing_services: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., display_name: _Optional[str] = ..., state: _Optional[_Union[TenantState, str]] = ..., quotas: _Optional[_Union[Quotas, _Mapping]] = ..., etag: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., erasing_services: _Optional[_Iterable[str]] = ...) -> None: ...
