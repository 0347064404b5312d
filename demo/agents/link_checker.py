"""Follows links, and tells the librarian where they lead, of broken ones at once."""

from rookery_sdk import Agent, TaskContext

from demo.agents.capabilities import LINKS
from demo.agents.desk import Desk
from demo.documents.kinds import Document
from demo.work.coding import decode, encode
from demo.work.links import check_links


def prepare(agent: Agent, desk: Desk) -> None:
    """Gives the agent its handlers."""

    @agent.task(LINKS)
    async def links(ctx: TaskContext, task_input: object) -> object:
        document = decode(Document, task_input)
        result = await check_links(document, desk.files(ctx), desk.analyst(ctx))
        for broken in result.broken:
            await desk.send(ctx, "librarian", "broken", result.path, more=f"{broken.line}:{broken.target}", urgent=True)
        await desk.send(ctx, "librarian", "checked", result.path)
        return encode(result)
