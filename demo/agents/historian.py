"""Finds out when documents last changed, and tells the archivist."""

from rookery_sdk import Agent, TaskContext

from demo.agents.capabilities import AGE
from demo.agents.desk import Desk
from demo.documents.kinds import Document
from demo.work.age import find_age
from demo.work.coding import decode, encode


def prepare(agent: Agent, desk: Desk) -> None:
    """Gives the agent its handlers."""

    @agent.task(AGE)
    async def age(ctx: TaskContext, task_input: object) -> object:
        document = decode(Document, task_input)
        result = await find_age(document.path, desk.revision, desk.past(ctx))
        await desk.send(ctx, "archivist", "dated", result.path, more=result.date)
        return encode(result)
