"""A server that knows only the handshake of earlier revisions of the protocol, and whose answers are crooked.

`python handshake_only.py` speaks over standard input and output, `python handshake_only.py http PORT` over HTTP.
"""

import sys
from typing import Any, NoReturn

import anyio
import uvicorn
from mcp.server import Server, ServerRequestContext
from mcp.server.runner import serve_loop
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    METHOD_NOT_FOUND,
    CallToolRequestParams,
    CallToolResult,
    ImageContent,
    ListToolsResult,
    PaginatedRequestParams,
    RequestParams,
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


async def refuse_discovery(_context: ServerRequestContext[Any], _params: RequestParams | None) -> NoReturn:
    """As a server answers that has never heard of it."""
    raise MCPError(code=METHOD_NOT_FOUND, message="Method not found")


async def serve_stdio(server: Server[Any]) -> None:
    """Serves until the input ends."""
    async with server.lifespan(server) as state, stdio_server() as (read_stream, write_stream):
        await serve_loop(server, read_stream, write_stream, lifespan_state=state)


def main(arguments: list[str]) -> None:
    """Serves over what the arguments say."""
    server: Server[Any] = Server("handshake-only", on_list_tools=list_tools, on_call_tool=call_tool)
    server.add_request_handler("server/discover", RequestParams, refuse_discovery)
    if arguments:
        uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(arguments[1]), log_level="error")
    else:
        anyio.run(serve_stdio, server)


if __name__ == "__main__":
    main(sys.argv[1:])
