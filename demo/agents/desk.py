"""What every agent of the fleet works with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from rookery_sdk import Agent, Message, MessageContext
from rookery_sdk.handler_context import HandlerContext
from rookery_sdk.messages import PriorityName

from demo.mail.record import MailRecord
from demo.sources.documents import ToolAnalyst
from demo.sources.filesystem import FilesystemFiles
from demo.sources.git import CommittedFiles, GitPast
from demo.work.sources import Analyst, Files, Past

MAIL_FILE = "mail.jsonl"


@dataclass(frozen=True, slots=True)
class Errand:
    """What an agent is told at its start.

    `root` is the repository, `revision` the commit taken for the present. With `committed`, files are read as of that
    commit, else from the working tree. `folder` is the agent's own.
    """

    name: str
    root: Path
    revision: str
    committed: bool
    folder: Path


class Desk:
    """Tools by what they are for, and mail that leaves a record."""

    def __init__(self, errand: Errand) -> None:
        self.folder = errand.folder
        self.revision = errand.revision
        self._root = errand.root
        self._committed = errand.committed
        self._record = MailRecord(errand.folder / MAIL_FILE)

    def files(self, ctx: HandlerContext) -> Files:
        """The files of the repository, by tool calls that belong to the context."""
        if self._committed:
            return CommittedFiles(GitPast(self._root, ctx.call_tool), self.revision)
        return FilesystemFiles(self._root, ctx.call_tool)

    def past(self, ctx: HandlerContext) -> Past:
        """The history of the repository."""
        return GitPast(self._root, ctx.call_tool)

    def analyst(self, ctx: HandlerContext) -> Analyst:
        """Close reading."""
        return ToolAnalyst(ctx.call_tool)

    async def send(
        self, ctx: HandlerContext, recipient: str, sort: str, path: str, *, more: object = None, urgent: bool = False
    ) -> None:
        """Sends word about a document to another agent, by its name."""
        key = f"{sort}:{path}" if more is None else f"{sort}:{path}:{more}"
        priority: PriorityName = "high" if urgent else "normal"
        self._record.intend(recipient, key)
        message_id = await ctx.send(recipient, {"key": key, "path": path, "more": more}, type=sort, priority=priority)
        self._record.acknowledge(recipient, key, message_id)

    async def reply(self, ctx: MessageContext, sort: str, path: str) -> None:
        """Answers a message with word about a document."""
        recipient = ctx.message.reply_to_agent_id
        key = f"{sort}:{path}"
        self._record.intend(recipient, key)
        message_id = await ctx.reply({"key": key}, type=sort, priority="low")
        self._record.acknowledge(recipient, key, message_id)

    def receive(self, agent: Agent, handle: Callable[[MessageContext, dict[str, object]], Awaitable[None]]) -> None:
        """Lets the agent take mail. What has been handled is put on record."""

        async def on_message(ctx: MessageContext, message: Message) -> None:
            content = message.payload
            if not isinstance(content, dict):
                raise TypeError(f"not a letter of this fleet: {message.type}")
            await handle(ctx, content)
            self._record.receive(message.sender, str(content["key"]), message.id, message.attempt)

        agent.message(on_message)
