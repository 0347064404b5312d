"""Tools."""

import json
from collections.abc import Mapping, Sequence

from rookery.tool_executor.v1 import tool_pb2, tool_service_pb2
from rookery_sdk import Client

from rookery_cli.documents import execution_document, tool_document
from rookery_cli.output import Column, Document, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.refusal import Refused

# A server may have to be started before it can tell its tools.
_LIST_SECONDS = 60.0
_HINTS = (("read_only_hint", "reads"), ("idempotent_hint", "repeatable"), ("destructive_hint", "destroys"))


def _says(tool: Document) -> str:
    return ", ".join(word for key, word in _HINTS if tool[key])


_COLUMNS = (
    Column("SERVER", lambda tool: tool["server"]),
    Column("TOOL", lambda tool: tool["name"]),
    Column("SAYS IT", _says),
    Column("DESCRIPTION", lambda tool: " ".join((tool["description"] or tool["title"]).split())),
)


async def list_tools(client: Client, server: str, extent: Extent, output: Output) -> None:
    """Shows tools by server and name, and the servers that could not be asked."""
    unavailable: list[dict[str, str]] = []

    async def fetch(size: int, token: str) -> tuple[Sequence[tool_pb2.Tool], str]:
        page = await client.tools.ListTools(
            tool_service_pb2.ListToolsRequest(server=server, page_size=size, page_token=token), timeout=_LIST_SECONDS
        )
        unavailable.extend(
            {"server": each.server, "reason": each.reason, "message": each.message} for each in page.unavailable
        )
        return page.tools, page.next_page_token

    tools, more = await collect(fetch, extent)
    documents = [tool_document(tool) for tool in tools]
    output.listing("tools", documents, _COLUMNS, more=more, unavailable=unavailable)
    if not output.as_json:
        for each in unavailable:
            output.note(f"warning: server {each['server']} could not be asked: {each['message']} ({each['reason']})")


async def call_tool(
    client: Client, server: str, tool: str, arguments: Mapping[str, object], timeout: float | None, output: Output
) -> None:
    """Calls a tool and shows its answer. Raises Refused when the tool answers that it failed."""
    result = await client.call_tool(server, tool, arguments, timeout=timeout)
    if output.as_json:
        output.json(execution_document(result.execution))
    elif result.text or result.structured is None:
        output.line(result.text)
    else:
        output.line(json.dumps(result.structured, indent=2, ensure_ascii=False))
    if result.is_error:
        raise Refused(f"{server}/{tool} answered that it failed", "TOOL_REPORTED_ERROR", "its answer says why")
