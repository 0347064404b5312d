"""The registry's MCP servers off the wire, the same in its answers and in its events."""

from rookery.registry.v1 import mcp_server_pb2

from rookery_tool_executor.model import McpServer, StdioTransport, StreamableHttpTransport


def decode_server(message: mcp_server_pb2.McpServer) -> McpServer:
    """An MCP server."""
    transport: StdioTransport | StreamableHttpTransport
    if message.HasField("stdio"):
        stdio = message.stdio
        transport = StdioTransport(stdio.command, tuple(stdio.args), tuple(sorted(stdio.env.items())), stdio.cwd)
    else:
        transport = StreamableHttpTransport(message.streamable_http.url)
    return McpServer(
        id=message.id,
        tenant=message.tenant,
        name=message.name,
        transport=transport,
        enabled=message.enabled,
        etag=message.etag,
    )
