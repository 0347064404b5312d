from buf.validate import validate_pb2 as _validate_pb2
from rookery.options.v1 import method_pb2 as _method_pb2
from rookery.registry.v1 import mcp_server_pb2 as _mcp_server_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RegisterMcpServerRequest(_message.Message):
    __slots__ = ("request_id", "name", "description", "stdio", "streamable_http", "disabled")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STDIO_FIELD_NUMBER: _ClassVar[int]
    STREAMABLE_HTTP_FIELD_NUMBER: _ClassVar[int]
    DISABLED_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    name: str
    description: str
    stdio: _mcp_server_pb2.StdioTransport
    streamable_http: _mcp_server_pb2.StreamableHttpTransport
    disabled: bool
    def __init__(self, request_id: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., stdio: _Optional[_Union[_mcp_server_pb2.StdioTransport, _Mapping]] = ..., streamable_http: _Optional[_Union[_mcp_server_pb2.StreamableHttpTransport, _Mapping]] = ..., disabled: _Optional[bool] = ...) -> None: ...

class RegisterMcpServerResponse(_message.Message):
    __slots__ = ("mcp_server",)
    MCP_SERVER_FIELD_NUMBER: _ClassVar[int]
    mcp_server: _mcp_server_pb2.McpServer
    def __init__(self, mcp_server: _Optional[_Union[_mcp_server_pb2.McpServer, _Mapping]] = ...) -> None: ...

class GetMcpServerRequest(_message.Message):
    __slots__ = ("mcp_server_id", "name")
    MCP_SERVER_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    mcp_server_id: str
    name: str
    def __init__(self, mcp_server_id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class GetMcpServerResponse(_message.Message):
    __slots__ = ("mcp_server",)
    MCP_SERVER_FIELD_NUMBER: _ClassVar[int]
    mcp_server: _mcp_server_pb2.McpServer
    def __init__(self, mcp_server: _Optional[_Union[_mcp_server_pb2.McpServer, _Mapping]] = ...) -> None: ...

class ListMcpServersRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListMcpServersResponse(_message.Message):
    __slots__ = ("mcp_servers", "next_page_token")
    MCP_SERVERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    mcp_servers: _containers.RepeatedCompositeFieldContainer[_mcp_server_pb2.McpServer]
    next_page_token: str
    def __init__(self, mcp_servers: _Optional[_Iterable[_Union[_mcp_server_pb2.McpServer, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteMcpServerRequest(_message.Message):
    __slots__ = ("request_id", "mcp_server_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MCP_SERVER_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    mcp_server_id: str
    def __init__(self, request_id: _Optional[str] = ..., mcp_server_id: _Optional[str] = ...) -> None: ...

class DeleteMcpServerResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
