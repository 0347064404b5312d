"""Files what the others tell about documents. Away at first: what they send meanwhile waits in its mailbox."""

import asyncio
import json
from pathlib import Path

from rookery_sdk import Agent, MessageContext, TaskContext

from demo.agents.capabilities import ARCHIVE
from demo.agents.desk import Desk

_PATIENCE = 60.0


class Shelf:
    """The paths of documents on file, kept over restarts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._changed = asyncio.Event()
        self._paths = {json.loads(line) for line in file.read_text().splitlines()} if file.exists() else set[str]()

    def add(self, path: str) -> None:
        """Files a document; the same one again changes nothing."""
        if path not in self._paths:
            with self._file.open("a") as file:
                file.write(json.dumps(path) + "\n")
            self._paths.add(path)
            self._changed.set()

    async def holds(self, paths: set[str], patience: float) -> set[str]:
        """Waits until all of the paths are on file; answers those that are not after `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                while not paths <= self._paths:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return paths - self._paths
        return set()


def prepare(agent: Agent, desk: Desk) -> None:
    """Gives the agent its handlers."""
    shelf = Shelf(desk.folder / "shelf.jsonl")

    @agent.task(ARCHIVE)
    async def archive(_: TaskContext, task_input: object) -> object:
        paths = set(task_input) if isinstance(task_input, list) else set[str]()
        missing = await shelf.holds(paths, _PATIENCE)
        return {"filed": len(paths - missing), "missing": sorted(missing)}

    async def file(ctx: MessageContext, letter: dict[str, object]) -> None:
        if ctx.message.type == "read":
            shelf.add(str(letter["path"]))
            await desk.reply(ctx, "filed", str(letter["path"]))

    desk.receive(agent, file)
