from rookery.registry.v1 import mcp_server_pb2 as _mcp_server_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class McpServerChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MCP_SERVER_CHANGE_UNSPECIFIED: _ClassVar[McpServerChange]
    MCP_SERVER_CHANGE_REGISTERED: _ClassVar[McpServerChange]
    MCP_SERVER_CHANGE_UPDATED: _ClassVar[McpServerChange]
    MCP_SERVER_CHANGE_DELETED: _ClassVar[McpServerChange]
MCP_SERVER_CHANGE_UNSPECIFIED: McpServerChange
MCP_SERVER_CHANGE_REGISTERED: McpServerChange
MCP_SERVER_CHANGE_UPDATED: McpServerChange
MCP_SERVER_CHANGE_DELETED: McpServerChange

class McpServerChanged(_message.Message):
    __slots__ = ("change", "mcp_server", "revision")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    MCP_SERVER_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    change: McpServerChange
    mcp_server: _mcp_server_pb2.McpServer
    revision: int
    def __init__(self, change: _Optional[_Union[McpServerChange, str]] = ..., mcp_server: _Optional[_Union[_mcp_server_pb2.McpServer, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...
