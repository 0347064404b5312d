import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from harness.sdk_agents import context_of, online, serving
from harness.suite import Suite
from rookery.orchestrator.v1 import task_pb2, task_service_pb2
from rookery_sdk import Agent, Client, TaskContext, decode


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


@pytest.mark.capability("O2")
async def test_a_handler_works_on_while_the_orchestrator_is_away_and_its_result_counts_once(
    suite: Suite, client: Client
) -> None:
    agent = Agent("steady", context=context_of(suite))
    runs: list[int] = []
    begun, may_end = asyncio.Event(), asyncio.Event()

    @agent.task("work")
    async def work(ctx: TaskContext, _input: object) -> str:
        runs.append(ctx.task.lease_epoch)
        begun.set()
        await may_end.wait()
        return "worked on"

    async with serving(agent):
        task = await client.create_task("work")
        await asyncio.wait_for(begun.wait(), 20)
        await suite.kill("orchestrator")
        may_end.set()
        await suite.start("orchestrator")
        ended = await client.wait(task.id, timeout=30)
    assert (ended.state, decode(ended.output)) == (task_pb2.TASK_STATE_COMPLETED, "worked on")
    assert runs == [1]


async def test_a_wait_goes_on_over_a_restart_of_the_orchestrator(suite: Suite, client: Client) -> None:
    agent = Agent("late", context=context_of(suite))

    @agent.task("work")
    async def work(_ctx: TaskContext, _input: object) -> str:
        return "at last"

    task = await client.create_task("work")
    waiting = asyncio.create_task(client.wait(task.id, timeout=40))
    await suite.stop("orchestrator")
    await suite.start("orchestrator")
    async with serving(agent):
        assert decode((await waiting).output) == "at last"


async def test_an_agent_outlives_the_death_of_every_service(suite: Suite, client: Client) -> None:
    agent = Agent("survivor", context=context_of(suite))

    @agent.task("work")
    async def work(_ctx: TaskContext, number: int) -> int:
        return number

    async with serving(agent):
        before = await online(client, "survivor")
        for number, service in enumerate(("auth", "registry", "orchestrator", "tool_executor")):
            await suite.kill(service)
            await suite.start(service)
            task = await client.create_task("work", number)
            assert decode((await client.wait(task.id, timeout=30)).output) == number
        assert (await online(client, "survivor")).session_epoch == before.session_epoch


async def test_a_task_is_created_once_however_often_it_is_asked_for(suite: Suite, client: Client) -> None:
    request_id = str(uuid4())
    created = await client.create_task("work", "once", request_id=request_id)
    await suite.kill("orchestrator")
    asking_again = asyncio.create_task(client.create_task("work", "once", request_id=request_id))
    await suite.start("orchestrator")
    assert (await asking_again).id == created.id
    assert len((await client.tasks.ListTasks(task_service_pb2.ListTasksRequest())).tasks) == 1
