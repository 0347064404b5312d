from buf.validate import validate_pb2 as _validate_pb2
from rookery.auth.v1 import token_pb2 as _token_pb2
from rookery.options.v1 import method_pb2 as _method_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IssueTokenRequest(_message.Message):
    __slots__ = ("enrollment_token", "api_key", "refresh_token", "request_id")
    ENROLLMENT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    API_KEY_FIELD_NUMBER: _ClassVar[int]
    REFRESH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    enrollment_token: str
    api_key: str
    refresh_token: str
    request_id: str
    def __init__(self, enrollment_token: _Optional[str] = ..., api_key: _Optional[str] = ..., refresh_token: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class IssueTokenResponse(_message.Message):
    __slots__ = ("token_set",)
    TOKEN_SET_FIELD_NUMBER: _ClassVar[int]
    token_set: _token_pb2.TokenSet
    def __init__(self, token_set: _Optional[_Union[_token_pb2.TokenSet, _Mapping]] = ...) -> None: ...

class GetJwksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetJwksResponse(_message.Message):
    __slots__ = ("keys",)
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[_token_pb2.JsonWebKey]
    def __init__(self, keys: _Optional[_Iterable[_Union[_token_pb2.JsonWebKey, _Mapping]]] = ...) -> None: ...
