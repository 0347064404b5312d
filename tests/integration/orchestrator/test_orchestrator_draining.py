from uuid import uuid4

import pytest
from harness.eventually import eventually
from harness.orchestrator_service import Orchestrator, WorkClient, running_orchestrator, worker_agent
from harness.registry_service import Caller, Registry
from rookery.orchestrator.v1 import task_pb2
from rookery.registry.v1 import agent_pb2, agent_service_pb2
from rookery_orchestrator.settings import OrchestratorSettings

DRAIN = agent_service_pb2.AGENT_INSTRUCTION_DRAIN
RESUME = agent_service_pb2.AGENT_INSTRUCTION_RESUME


async def instruct(
    registry: Registry, agent: Caller, instruction: agent_service_pb2.AgentInstruction
) -> agent_pb2.Agent:
    request = agent_service_pb2.InstructAgentRequest(
        request_id=str(uuid4()), agent_id=agent.id, instruction=instruction
    )
    return (await registry.agents.InstructAgent(request, metadata=registry.admin())).agent


async def goes_to(orchestrator: Orchestrator, agents: dict[str, WorkClient]) -> str:
    """Creates a task and answers the agent that it is given to, which completes it."""
    task = await orchestrator.create()

    async def assigned() -> task_pb2.Task | None:
        found = await orchestrator.get(task.id)
        return found if found.agent_id else None

    found = await eventually(assigned, within=10)
    assert found is not None
    worker = agents[found.agent_id]
    await worker.complete(await worker.assignment())
    await worker.next("accepted")
    await worker.grant(1)
    return found.agent_id


@pytest.mark.capability("O2")
@pytest.mark.capability("R1")
async def test_an_agent_that_drains_gets_no_task_of_any_replica_until_it_resumes(
    settings: OrchestratorSettings, registry: Registry
) -> None:
    busy, busy_epoch = await worker_agent(registry, "busy")
    idle, idle_epoch = await worker_agent(registry, "idle")
    async with (
        running_orchestrator(settings, registry.mint),
        running_orchestrator(settings, registry.mint) as orchestrator,
    ):
        workers = {busy.id: orchestrator.work(busy), idle.id: orchestrator.work(idle)}
        await workers[busy.id].open(busy_epoch, credits=10)
        await orchestrator.create()
        held = await workers[busy.id].assignment()
        await workers[idle.id].open(idle_epoch, credits=10)
        assert await goes_to(orchestrator, workers) == idle.id

        drained = await instruct(registry, idle, DRAIN)
        assert (drained.status, drained.draining) == (agent_pb2.AGENT_STATUS_DRAINING, True)

        async def passed_over() -> bool:
            return await goes_to(orchestrator, workers) == busy.id

        await eventually(passed_over, within=10)
        assert {await goes_to(orchestrator, workers) for _ in range(5)} == {busy.id}
        assert (await orchestrator.get(held.id)).state == task_pb2.TASK_STATE_WORKING

        resumed = await instruct(registry, idle, RESUME)
        assert (resumed.status, resumed.draining) == (agent_pb2.AGENT_STATUS_ONLINE, False)

        async def chosen_again() -> bool:
            return await goes_to(orchestrator, workers) == idle.id

        await eventually(chosen_again, within=10)
        await workers[busy.id].complete(held)


@pytest.mark.capability("O2")
async def test_a_stream_that_an_agent_opens_while_it_drains_brings_nothing(
    orchestrator: Orchestrator, registry: Registry
) -> None:
    busy, busy_epoch = await worker_agent(registry, "busy")
    idle, idle_epoch = await worker_agent(registry, "idle")
    await instruct(registry, idle, DRAIN)
    workers = {busy.id: orchestrator.work(busy), idle.id: orchestrator.work(idle)}
    await workers[busy.id].open(busy_epoch, credits=10)
    await orchestrator.create()
    await workers[busy.id].assignment()
    await workers[idle.id].open(idle_epoch, credits=10)

    async def passed_over() -> bool:
        return await goes_to(orchestrator, workers) == busy.id

    await eventually(passed_over, within=10)
    assert {await goes_to(orchestrator, workers) for _ in range(5)} == {busy.id}
