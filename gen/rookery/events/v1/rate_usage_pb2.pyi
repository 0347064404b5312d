from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RateScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RATE_SCOPE_UNSPECIFIED: _ClassVar[RateScope]
    RATE_SCOPE_PRINCIPAL: _ClassVar[RateScope]
    RATE_SCOPE_KEY: _ClassVar[RateScope]
    RATE_SCOPE_TENANT: _ClassVar[RateScope]
RATE_SCOPE_UNSPECIFIED: RateScope
RATE_SCOPE_PRINCIPAL: RateScope
RATE_SCOPE_KEY: RateScope
RATE_SCOPE_TENANT: RateScope

class RateUsage(_message.Message):
    __slots__ = ("replica", "admitted")
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    ADMITTED_FIELD_NUMBER: _ClassVar[int]
    replica: str
    admitted: _containers.RepeatedCompositeFieldContainer[AdmittedRequests]
    def __init__(self, replica: _Optional[str] = ..., admitted: _Optional[_Iterable[_Union[AdmittedRequests, _Mapping]]] = ...) -> None: ...

class AdmittedRequests(_message.Message):
    __slots__ = ("scope", "tenant", "id", "requests", "requests_per_second")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    scope: RateScope
    tenant: str
    id: str
    requests: int
    requests_per_second: int
    def __init__(self, scope: _Optional[_Union[RateScope, str]] = ..., tenant: _Optional[str] = ..., id: _Optional[str] = ..., requests: _Optional[int] = ..., requests_per_second: _Optional[int] = ...) -> None: ...
