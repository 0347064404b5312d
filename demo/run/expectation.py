"""What the fleet should have found, worked out without it."""

from collections.abc import Mapping
from pathlib import Path

from demo.agents.capabilities import AGE, INVENTORY, LINKS, SUMMARY
from demo.documents.kinds import Kind
from demo.sources.direct import DirectAnalyst, DiskFiles, GitCommand
from demo.work.age import find_age
from demo.work.coding import encode
from demo.work.inventory import take_inventory
from demo.work.links import check_links
from demo.work.summary import summarise

# The capability and the path of the document; the inventory is about no document.
Key = tuple[str, str]


class Expectation:
    """Expected results by capability and document, as JSON has them.

    `files` is where the files lie that the fleet reads; `root` is the repository, for its history up to `revision`.
    """

    def __init__(self, root: Path, files: Path, revision: str) -> None:
        self._files = DiskFiles(files)
        self._git = GitCommand(root)
        self._revision = revision
        # What was true of a commit stays true.
        self._ages: dict[str, object] = {}

    async def work_out(self) -> Mapping[Key, object]:
        """Does the whole job here and now."""
        analyst = DirectAnalyst()
        inventory = await take_inventory(self._files)
        expected: dict[Key, object] = {(INVENTORY, ""): encode(inventory)}
        for document in inventory.documents:
            expected[SUMMARY, document.path] = encode(await summarise(document, self._files, analyst))
            if document.kind is Kind.MARKDOWN:
                expected[LINKS, document.path] = encode(await check_links(document, self._files, analyst))
                if self._revision:
                    expected[AGE, document.path] = await self._age(document.path)
        return expected

    async def _age(self, path: str) -> object:
        if path not in self._ages:
            self._ages[path] = encode(await find_age(path, self._revision, self._git))
        return self._ages[path]


def document_of(value: object) -> str:
    """The path of the document that a task's input names; empty for other inputs."""
    return value["path"] if isinstance(value, dict) and isinstance(value.get("path"), str) else ""
