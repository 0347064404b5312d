import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from harness.eventually import eventually
from harness.sdk_agents import context_of, find_agent, online, serving
from harness.suite import Suite
from rookery.orchestrator.v1 import task_pb2, task_service_pb2
from rookery.registry.v1 import agent_health_pb2, agent_pb2, agent_service_pb2
from rookery_sdk import Agent, Client, Fail, TaskContext, Unavailable

DRAIN = agent_service_pb2.AGENT_INSTRUCTION_DRAIN
RESUME = agent_service_pb2.AGENT_INSTRUCTION_RESUME
REFRESH_CARD = agent_service_pb2.AGENT_INSTRUCTION_REFRESH_CARD


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"registry": {"HEALTH_SAMPLE_SECONDS": "0"}}


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


class Worker:
    """An agent whose handler can be held up."""

    def __init__(self, suite: Suite) -> None:
        self.agent = Agent("worker", context=context_of(suite), concurrency=2, lease=timedelta(seconds=2))
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

        @self.agent.task("work")
        async def work(_ctx: TaskContext, what: object) -> None:
            self.begun.set()
            if what == "fail":
                raise Fail("as asked")
            if what == "wait":
                await self.may_end.wait()


async def instruct(client: Client, agent: agent_pb2.Agent, instruction: agent_service_pb2.AgentInstruction) -> None:
    request = agent_service_pb2.InstructAgentRequest(agent_id=agent.id, instruction=instruction)
    await client.agents.InstructAgent(request)


async def state_of(client: Client, task: task_pb2.Task) -> "task_pb2.TaskState":
    return (await client.tasks.GetTask(task_service_pb2.GetTaskRequest(task_id=task.id))).task.state


@pytest.mark.capability("R2")
async def test_an_agent_reports_how_it_fares_with_its_heartbeats(suite: Suite, client: Client) -> None:
    worker = Worker(suite)
    async with serving(worker.agent):
        agent = await online(client, "worker")
        for what in ("do", "fail", "do", "do"):
            await client.wait((await client.create_task("work", what, max_attempts=1)).id, timeout=20)

        async def is_reported() -> agent_health_pb2.HealthMetrics | None:
            request = agent_health_pb2.ListHealthMetricsRequest(agent_id=agent.id, page_size=1000)
            points = (await client.agents.ListHealthMetrics(request)).points
            return next((point.mean for point in points if point.mean.requests_handled == 4), None)

        metrics = await eventually(is_reported)
        assert metrics is not None
        assert metrics.error_rate == 0.25
        assert metrics.mean_response_ms > 0
        assert metrics.memory_bytes > 10_000_000
        assert (metrics.in_flight, metrics.capacity) == (0, 2)


@pytest.mark.capability("R2")
async def test_an_agent_told_to_drain_finishes_what_it_has_and_takes_more_only_when_told_to_resume(
    suite: Suite, client: Client
) -> None:
    worker = Worker(suite)
    async with serving(worker.agent):
        agent = await online(client, "worker")
        held = await client.create_task("work", "wait")
        await asyncio.wait_for(worker.begun.wait(), 20)
        await instruct(client, agent, DRAIN)

        async def takes_nothing_more() -> bool:
            probe = await client.create_task("work", "do")
            return await state_of(client, probe) == task_pb2.TASK_STATE_SUBMITTED

        await eventually(takes_nothing_more)
        waiting = await client.create_task("work", "do")
        worker.may_end.set()
        assert (await client.wait(held.id, timeout=20)).state == task_pb2.TASK_STATE_COMPLETED
        found = await find_agent(client, "worker")
        assert found is not None
        assert (found.status, found.draining) == (agent_pb2.AGENT_STATUS_DRAINING, True)
        assert await state_of(client, waiting) == task_pb2.TASK_STATE_SUBMITTED
        await instruct(client, agent, RESUME)
        assert (await client.wait(waiting.id, timeout=20)).state == task_pb2.TASK_STATE_COMPLETED


@pytest.mark.capability("R2")
async def test_an_agent_told_to_refresh_registers_again_and_goes_on(suite: Suite, client: Client) -> None:
    worker = Worker(suite)
    async with serving(worker.agent):
        agent = await online(client, "worker")
        await instruct(client, agent, REFRESH_CARD)
        await online(client, "worker", after_epoch=agent.session_epoch)
        task = await client.create_task("work", "do")
        assert (await client.wait(task.id, timeout=20)).state == task_pb2.TASK_STATE_COMPLETED


@pytest.mark.capability("R2")
async def test_an_agent_opens_its_stream_again_when_the_registry_was_killed_and_is_offline_once_it_stops(
    suite: Suite, client: Client
) -> None:
    worker = Worker(suite)
    async with serving(worker.agent):
        agent = await online(client, "worker")
        await suite.kill("registry")
        await suite.start("registry")
        seen: list[datetime] = []

        async def beats_again() -> bool:
            found = await find_agent(client, "worker")
            assert found is not None
            seen.append(found.lease_expire_time.ToDatetime())
            return seen[-1] > seen[0] + timedelta(seconds=2)

        await eventually(beats_again, within=20, retry=(Unavailable,))
        assert (await online(client, "worker")).session_epoch == agent.session_epoch
    gone = await find_agent(client, "worker")
    assert gone is not None
    assert gone.status == agent_pb2.AGENT_STATUS_OFFLINE
