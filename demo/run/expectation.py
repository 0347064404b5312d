"""What the fleet should have found, worked out without it."""

from collections.abc import Mapping
from pathlib import Path

from demo.agents.capabilities import AGE, INVENTORY, LINKS, SUMMARY
from demo.documents.kinds import Kind
from demo.sources.direct import DirectAnalyst, DiskFiles, GitCommand
from demo.sources.git import CommittedFiles
from demo.work.age import find_age
from demo.work.coding import encode
from demo.work.inventory import take_inventory
from demo.work.links import check_links
from demo.work.sources import Files
from demo.work.summary import summarise

# The capability and the path of the document; the inventory is about no document.
Key = tuple[str, str]


class Expectation:
    """Expected results by capability and document, as JSON has them."""

    def __init__(self, root: Path, revision: str, *, committed: bool) -> None:
        self._root = root
        self._revision = revision
        self._git = GitCommand(root)
        self._files: Files = CommittedFiles(self._git, revision) if committed else DiskFiles(root)

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
                    expected[AGE, document.path] = encode(await find_age(document.path, self._revision, self._git))
        return expected


def document_of(value: object) -> str:
    """The path of the document that a task's input names; empty for other inputs."""
    return value["path"] if isinstance(value, dict) and isinstance(value.get("path"), str) else ""
