"""McpServerService."""

from rookery.registry.v1 import mcp_server_service_pb2, mcp_server_service_pb2_grpc
from rookery_kit.errors import InvalidArgument
from rookery_kit.rpc import Call

from rookery_registry.encoding import decode_stdio, decode_streamable_http, encode_mcp_server
from rookery_registry.model import McpServerRegistration
from rookery_registry.rpc.pages import NamePage
from rookery_registry.service.mcp_servers import McpServers

# A server travels whole in one event, and the bus takes messages of up to 1 MiB.
_MAX_STDIO_BYTES = 512 * 1024


class McpServerRpc(mcp_server_service_pb2_grpc.McpServerServiceServicer):
    """Serves McpServerService."""

    def __init__(self, servers: McpServers) -> None:
        self._servers = servers

    async def RegisterMcpServer(
        self, request: mcp_server_service_pb2.RegisterMcpServerRequest, context: object
    ) -> mcp_server_service_pb2.RegisterMcpServerResponse:
        """Registers a server."""
        server = await self._servers.register(Call.of(context).principal, _decode(request))
        return mcp_server_service_pb2.RegisterMcpServerResponse(mcp_server=encode_mcp_server(server))

    async def GetMcpServer(
        self, request: mcp_server_service_pb2.GetMcpServerRequest, context: object
    ) -> mcp_server_service_pb2.GetMcpServerResponse:
        """Answers one server."""
        principal = Call.of(context).principal
        if request.WhichOneof("key") == "name":
            server = await self._servers.get_by_name(principal, request.name)
        else:
            server = await self._servers.get(principal, request.mcp_server_id)
        return mcp_server_service_pb2.GetMcpServerResponse(mcp_server=encode_mcp_server(server))

    async def ListMcpServers(
        self, request: mcp_server_service_pb2.ListMcpServersRequest, context: object
    ) -> mcp_server_service_pb2.ListMcpServersResponse:
        """Lists servers."""
        page = NamePage(request, "mcp_servers")
        read = await self._servers.list(Call.of(context).principal, page.limit, page.after)
        servers, next_page_token = page.cut(read, encode_mcp_server)
        return mcp_server_service_pb2.ListMcpServersResponse(mcp_servers=servers, next_page_token=next_page_token)

    async def DeleteMcpServer(
        self, request: mcp_server_service_pb2.DeleteMcpServerRequest, context: object
    ) -> mcp_server_service_pb2.DeleteMcpServerResponse:
        """Removes a server."""
        await self._servers.delete(Call.of(context).principal, request.mcp_server_id)
        return mcp_server_service_pb2.DeleteMcpServerResponse()


def _decode(request: mcp_server_service_pb2.RegisterMcpServerRequest) -> McpServerRegistration:
    if request.WhichOneof("transport") == "stdio":
        size = request.stdio.ByteSize()
        if size > _MAX_STDIO_BYTES:
            text = f"takes {size} bytes; at most {_MAX_STDIO_BYTES} are accepted"
            raise InvalidArgument(f"stdio: {text}", (("stdio", text),))
        transport = decode_stdio(request.stdio)
    else:
        transport = decode_streamable_http(request.streamable_http)
    return McpServerRegistration(
        name=request.name, description=request.description, transport=transport, enabled=not request.disabled
    )
