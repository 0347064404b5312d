from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor
POLICY_FIELD_NUMBER: _ClassVar[int]
policy: _descriptor.FieldDescriptor

class MethodPolicy(_message.Message):
    __slots__ = ("permission", "public", "idempotent_by_request_id", "installation", "audit")
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENT_BY_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    INSTALLATION_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    permission: str
    public: bool
    idempotent_by_request_id: bool
    installation: bool
    audit: str
    def __init__(self, permission: _Optional[str] = ..., public: _Optional[bool] = ..., idempotent_by_request_id: _Optional[bool] = ..., installation: _Optional[bool] = ..., audit: _Optional[str] = ...) -> None: ...
