"""The files of a commit and the history, through the published MCP server `mcp-server-git`."""

import re
from pathlib import Path

from demo.sources.tools import Answer, CallTool, ToolRefused, text_of
from demo.work.sources import Commit, Past, SourceMissing

SERVER = "git"
_NOT_FOUND = re.compile(r"Blob or Tree named .* not found")
_COMMIT = re.compile(r"^Commit: (\w+)\nAuthor: .*\nDate: (\d{4}-\d{2}-\d{2}).*\nMessage: (.*)$", re.MULTILINE)


class GitPast:
    """Asks the MCP server registered as `git` about the repository at `root`."""

    def __init__(self, root: Path, call_tool: CallTool) -> None:
        self._root = str(root)
        self._call_tool = call_tool

    async def commits(self, limit: int) -> list[Commit]:
        """The latest commits, newest first."""
        answer = await self._call_tool(SERVER, "git_log", {"repo_path": self._root, "max_count": limit})
        return [Commit(*found) for found in _COMMIT.findall(text_of("git_log", answer))]

    async def text_at(self, sha: str, path: str) -> str | None:
        """The text of a file as of a commit; for a folder the names in it. None where it did not exist."""
        answer = await self._call_tool(SERVER, "git_show", {"repo_path": self._root, "revision": f"{sha}:{path}"})
        return None if _is_missing(answer) else text_of("git_show", answer)


class CommittedFiles:
    """The files as of one commit: what the fleet reads where no server for the working tree can run."""

    def __init__(self, past: Past, revision: str) -> None:
        self._past = past
        self._revision = revision

    async def all(self) -> list[str]:
        """Every file that is not in a hidden folder."""
        found: list[str] = []
        folders = [""]
        while folders:
            folder = folders.pop()
            for name in (await self._past.text_at(self._revision, folder.rstrip("/")) or "").splitlines():
                if not name.startswith("."):
                    (folders if name.endswith("/") else found).append(folder + name)
        return sorted(found)

    async def read(self, path: str) -> str:
        """The text of a file. Raises SourceMissing."""
        text = await self._past.text_at(self._revision, path)
        if text is None:
            raise SourceMissing(path)
        return text

    async def exist(self, path: str) -> bool:
        """Whether there is a file or folder of that path."""
        return await self._past.text_at(self._revision, "" if path == "." else path) is not None


def _is_missing(answer: Answer) -> bool:
    if answer.is_error and not _NOT_FOUND.search(answer.text):
        raise ToolRefused("git_show", answer.text)
    return answer.is_error
