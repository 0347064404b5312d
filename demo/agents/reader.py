"""Reads documents, says in short what they hold, and tells the archivist."""

from rookery_sdk import Agent, MessageContext, TaskContext

from demo.agents.capabilities import SUMMARY
from demo.agents.desk import Desk
from demo.documents.kinds import Document
from demo.work.coding import decode, encode
from demo.work.summary import summarise


def prepare(agent: Agent, desk: Desk) -> None:
    """Gives the agent its handlers."""

    @agent.task(SUMMARY)
    async def summary(ctx: TaskContext, task_input: object) -> object:
        document = decode(Document, task_input)
        result = await summarise(document, desk.files(ctx), desk.analyst(ctx))
        await desk.send(ctx, "archivist", "read", result.path, more=result.digest[:12])
        return encode(result)

    async def filed(_: MessageContext, __: dict[str, object]) -> None:
        """The archivist's receipt asks for nothing but to be taken."""

    desk.receive(agent, filed)
