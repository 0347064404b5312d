"""Finds the documents."""

from rookery_sdk import Agent, TaskContext

from demo.agents.capabilities import INVENTORY
from demo.agents.desk import Desk
from demo.work.coding import encode
from demo.work.inventory import take_inventory


def prepare(agent: Agent, desk: Desk) -> None:
    """Gives the agent its handlers."""

    @agent.task(INVENTORY)
    async def inventory(ctx: TaskContext, _: object) -> object:
        return encode(await take_inventory(desk.files(ctx)))
