"""The files of the working tree, through the published MCP server `@modelcontextprotocol/server-filesystem`."""

import json
from collections.abc import Iterator
from pathlib import Path

from demo.sources.tools import CallTool, ToolRefused, text_of
from demo.work.sources import SourceMissing

SERVER = "files"
_NOT_FOUND = "ENOENT"
_HIDDEN = [".*", "**/.*", "node_modules", "__pycache__"]


class FilesystemFiles:
    """Asks the MCP server registered as `files`, which may see the folder `root`."""

    def __init__(self, root: Path, call_tool: CallTool) -> None:
        self._root = root
        self._call_tool = call_tool

    async def all(self) -> list[str]:
        """Every file that is not in a hidden folder."""
        answer = await self._call_tool(SERVER, "directory_tree", {"path": str(self._root), "excludePatterns": _HIDDEN})
        return sorted(_flat("", json.loads(text_of("directory_tree", answer))))

    async def read(self, path: str) -> str:
        """The text of a file. Raises SourceMissing."""
        answer = await self._call_tool(SERVER, "read_text_file", {"path": str(self._root / path)})
        if answer.is_error and _NOT_FOUND in answer.text:
            raise SourceMissing(path)
        return text_of("read_text_file", answer)

    async def exist(self, path: str) -> bool:
        """Whether there is a file or folder of that path."""
        answer = await self._call_tool(SERVER, "get_file_info", {"path": str(self._root / path)})
        if not answer.is_error:
            return True
        if _NOT_FOUND in answer.text:
            return False
        raise ToolRefused("get_file_info", answer.text)


def _flat(folder: str, entries: list[dict[str, object]]) -> Iterator[str]:
    for entry in entries:
        path = f"{folder}{entry['name']}"
        children = entry.get("children")
        if isinstance(children, list):
            yield from _flat(f"{path}/", children)
        else:
            yield path
