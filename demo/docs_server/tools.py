"""The tools that the server offers. All of them are pure functions of their arguments."""

from dataclasses import dataclass

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from demo.documents import contract, docstrings, markdown

PURE = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


@dataclass(frozen=True)
class Links:
    """Links in order."""

    links: tuple[markdown.Link, ...]


def outline(text: str) -> markdown.Outline:
    """The headings of a Markdown text with their anchors, and the anchors it sets in HTML."""
    return markdown.outline(text)


def links(text: str) -> Links:
    """The links and images of a Markdown text with their lines."""
    return Links(markdown.links(text))


def measure(text: str) -> markdown.Measure:
    """Words, lines, first paragraph and languages of code blocks of a Markdown text."""
    return markdown.measure(text)


def read_contract(text: str) -> contract.Contract:
    """The declarations of a proto file, each with the first sentence of its comment."""
    return contract.read_contract(text)


def read_docstrings(source: str) -> docstrings.ModuleDocs:
    """The docstring of a Python module, its public names, and those without a docstring."""
    try:
        return docstrings.read_docstrings(source)
    except ValueError as error:
        raise ToolError(str(error)) from None


def create_server() -> MCPServer:
    """The server with its tools."""
    server = MCPServer("documents", version="1", log_level="WARNING")
    for tool in (outline, links, measure, read_contract, read_docstrings):
        server.add_tool(tool, annotations=PURE)
    return server
