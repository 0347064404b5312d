"""Close reading through the demo's own MCP server."""

from typing import TypeVar

from pydantic import BaseModel, TypeAdapter

from demo.documents.contract import Contract
from demo.documents.docstrings import ModuleDocs
from demo.documents.markdown import Link, Measure, Outline
from demo.sources.tools import CallTool, ToolRefused

SERVER = "documents"
T = TypeVar("T")


class _Links(BaseModel):
    links: tuple[Link, ...]


_OUTLINE = TypeAdapter(Outline)
_LINKS = TypeAdapter(_Links)
_MEASURE = TypeAdapter(Measure)
_CONTRACT = TypeAdapter(Contract)
_DOCSTRINGS = TypeAdapter(ModuleDocs)


class ToolAnalyst:
    """Asks the MCP server registered as `documents`."""

    def __init__(self, call_tool: CallTool) -> None:
        self._call_tool = call_tool

    async def outline(self, text: str) -> Outline:
        """The headings of a Markdown text."""
        return await self._ask("outline", {"text": text}, _OUTLINE)

    async def links(self, text: str) -> tuple[Link, ...]:
        """The links of a Markdown text."""
        return (await self._ask("links", {"text": text}, _LINKS)).links

    async def measure(self, text: str) -> Measure:
        """The size of a Markdown text."""
        return await self._ask("measure", {"text": text}, _MEASURE)

    async def contract(self, text: str) -> Contract:
        """What a proto file declares."""
        return await self._ask("read_contract", {"text": text}, _CONTRACT)

    async def docstrings(self, source: str) -> ModuleDocs:
        """What a Python module says about itself."""
        return await self._ask("read_docstrings", {"source": source}, _DOCSTRINGS)

    async def _ask(self, tool: str, arguments: dict[str, object], answer_type: TypeAdapter[T]) -> T:
        answer = await self._call_tool(SERVER, tool, arguments)
        if answer.is_error:
            raise ToolRefused(tool, answer.text)
        return answer_type.validate_python(answer.structured)
