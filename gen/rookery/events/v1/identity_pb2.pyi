import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from rookery.auth.v1 import tenant_pb2 as _tenant_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RevocationKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVOCATION_KIND_UNSPECIFIED: _ClassVar[RevocationKind]
    REVOCATION_KIND_TOKEN: _ClassVar[RevocationKind]
    REVOCATION_KIND_SESSION: _ClassVar[RevocationKind]
    REVOCATION_KIND_SUBJECT: _ClassVar[RevocationKind]
    REVOCATION_KIND_ROLE: _ClassVar[RevocationKind]
REVOCATION_KIND_UNSPECIFIED: RevocationKind
REVOCATION_KIND_TOKEN: RevocationKind
REVOCATION_KIND_SESSION: RevocationKind
REVOCATION_KIND_SUBJECT: RevocationKind
REVOCATION_KIND_ROLE: RevocationKind

class Revocation(_message.Message):
    __slots__ = ("id", "tenant", "kind", "target", "revoke_time", "expire_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REVOKE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    id: str
    tenant: str
    kind: RevocationKind
    target: str
    revoke_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., tenant: _Optional[str] = ..., kind: _Optional[_Union[RevocationKind, str]] = ..., target: _Optional[str] = ..., revoke_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TenantStanding(_message.Message):
    __slots__ = ("tenant", "state", "quotas", "revision")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    state: _tenant_pb2.TenantState
    quotas: _tenant_pb2.Quotas
    revision: int
    def __init__(self, tenant: _Optional[str] = ..., state: _Optional[_Union[_tenant_pb2.TenantState, str]] = ..., quotas: _Optional[_Union[_tenant_pb2.Quotas, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class IdentityBeat(_message.Message):
    __slots__ = ("send_time", "kids")
    SEND_TIME_FIELD_NUMBER: _ClassVar[int]
    KIDS_FIELD_NUMBER: _ClassVar[int]
    send_time: _timestamp_pb2.Timestamp
    kids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, send_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kids: _Optional[_Iterable[str]] = ...) -> None: ...
