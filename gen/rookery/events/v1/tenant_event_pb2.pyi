from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class TenantDeletion(_message.Message):
    __slots__ = ("tenant", "round")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    round: int
    def __init__(self, tenant: _Optional[str] = ..., round: _Optional[int] = ...) -> None: ...

class TenantErased(_message.Message):
    __slots__ = ("tenant", "service", "round")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    service: str
    round: int
    def __init__(self, tenant: _Optional[str] = ..., service: _Optional[str] = ..., round: _Optional[int] = ...) -> None: ...
