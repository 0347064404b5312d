"""The registry, asked over gRPC on the caller's behalf."""

from collections.abc import Sequence

import grpc
from rookery.registry.v1 import mcp_server_service_pb2 as messages
from rookery.registry.v1 import mcp_server_service_pb2_grpc
from rookery_kit.errors import PermissionMissing, RookeryError
from rookery_kit.rpc import open_channel, service_error

from rookery_tool_executor.decoding import decode_server
from rookery_tool_executor.model import McpServer

_TIMEOUT_SECONDS = 3.0
_PAGE_SIZE = 1000


class RegistryClient:
    """Implements Registry."""

    def __init__(self, address: str) -> None:
        self._channel = open_channel(address)
        self._stub: mcp_server_service_pb2_grpc.McpServerServiceAsyncStub = (
            mcp_server_service_pb2_grpc.McpServerServiceStub(self._channel)
        )

    async def find(self, name: str, authorization: str) -> McpServer | None:
        """Asks by name."""
        try:
            answer = await self._stub.GetMcpServer(
                messages.GetMcpServerRequest(name=name),
                metadata=(("authorization", authorization),),
                timeout=_TIMEOUT_SECONDS,
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise _refused(error) from error
        return decode_server(answer.mcp_server)

    async def list(self, authorization: str) -> Sequence[McpServer]:
        """Asks for every page."""
        servers: list[McpServer] = []
        token = ""
        while True:
            try:
                answer = await self._stub.ListMcpServers(
                    messages.ListMcpServersRequest(page_size=_PAGE_SIZE, page_token=token),
                    metadata=(("authorization", authorization),),
                    timeout=_TIMEOUT_SECONDS,
                )
            except grpc.aio.AioRpcError as error:
                raise _refused(error) from error
            servers.extend(decode_server(server) for server in answer.mcp_servers)
            token = answer.next_page_token
            if not token:
                return servers

    async def close(self) -> None:
        """Closes the channel."""
        await self._channel.close()


def _refused(error: grpc.aio.AioRpcError) -> RookeryError:
    if error.code() is grpc.StatusCode.PERMISSION_DENIED:
        return PermissionMissing("mcp_servers:read")
    return service_error("registry", error)
