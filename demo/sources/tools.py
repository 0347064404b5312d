"""Calling a tool and getting its answer as a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Answer(Protocol):
    """What a tool answered, as the SDK gives it."""

    @property
    def text(self) -> str:
        """Its text content."""
        ...

    @property
    def structured(self) -> object:
        """Its structured content, None for none."""
        ...

    @property
    def is_error(self) -> bool:
        """The tool's own word that it failed."""
        ...


class CallTool(Protocol):
    """Calls a tool of a registered MCP server."""

    async def __call__(self, server: str, tool: str, arguments: Mapping[str, object], /) -> Answer:
        """The tool's answer, which may be that it failed."""
        ...


@dataclass(frozen=True)
class ToolRefused(Exception):
    """A tool answered that it failed, and not for a reason that the work expects."""

    tool: str
    says: str

    def __str__(self) -> str:
        return f"{self.tool}: {self.says}"


def text_of(tool: str, answer: Answer) -> str:
    """The text of an answer. Raises ToolRefused."""
    if answer.is_error:
        raise ToolRefused(tool, answer.text)
    return answer.text
