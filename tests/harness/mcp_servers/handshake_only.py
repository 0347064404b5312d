"""A stdio server that knows only the handshake of earlier revisions of the protocol, and whose answers are crooked."""

from typing import Any

import anyio
from mcp.server import Server, ServerRequestContext
from mcp.server.runner import serve_loop
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ImageContent,
    ListToolsResult,
    PaginatedRequestParams,
    ResourceLink,
    TextContent,
    Tool,
)

OBJECT = {"type": "object"}
TOTAL = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
FAR_SCHEMA = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}

TOOLS = (
    Tool(name="revision", input_schema=OBJECT),
    Tool(name="lie", input_schema=OBJECT, output_schema=TOTAL),
    Tool(name="picture", input_schema=OBJECT),
    Tool(name="broken_picture", input_schema=OBJECT),
    Tool(name="far_schema", input_schema=FAR_SCHEMA),
)


async def list_tools(_context: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
    """Two tools a page."""
    start = int(params.cursor) if params and params.cursor else 0
    following = start + 2
    return ListToolsResult(
        tools=list(TOOLS[start:following]), next_cursor=str(following) if following < len(TOOLS) else None
    )


async def call_tool(context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
    """Answers by the name of the tool."""
    print("a stray line that is no message", flush=True)  # noqa: T201 - what careless servers do
    match params.name:
        case "lie":
            return CallToolResult(content=[], structured_content={"total": "many"})
        case "picture":
            link = ResourceLink(uri="file:///picture.png", name="picture")
            return CallToolResult(content=[ImageContent(data="aGVsbG8=", mime_type="image/png"), link])
        case "broken_picture":
            return CallToolResult(content=[ImageContent(data="?", mime_type="image/png")])
        case _:
            return CallToolResult(content=[TextContent(text=f"revision {context.protocol_version}")])


async def main() -> None:
    """Serves until the input ends."""
    server: Server[Any] = Server("handshake-only", on_list_tools=list_tools, on_call_tool=call_tool)
    async with server.lifespan(server) as state, stdio_server() as (read_stream, write_stream):
        await serve_loop(server, read_stream, write_stream, lifespan_state=state)


if __name__ == "__main__":
    anyio.run(main)
