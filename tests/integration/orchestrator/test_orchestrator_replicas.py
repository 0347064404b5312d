import asyncio
from typing import Any

import grpc
import pytest
from harness.eventually import eventually
from harness.free_ports import free_port
from harness.orchestrator_service import (
    Orchestrator,
    WorkClient,
    lease_of,
    running_orchestrator,
    worker_agent,
)
from harness.refusal import read_refusal
from harness.registry_service import Registry
from rookery.orchestrator.v1 import task_pb2, task_service_pb2_grpc
from rookery_kit.rpc import open_channel
from rookery_orchestrator.settings import OrchestratorSettings


@pytest.mark.capability("O8")
async def test_two_replicas_share_the_work_and_each_task_is_done_once(
    settings: OrchestratorSettings, registry: Registry
) -> None:
    agents = [await worker_agent(registry, f"agent-{number}") for number in range(4)]
    async with (
        running_orchestrator(settings, registry.mint) as left,
        running_orchestrator(settings, registry.mint) as right,
    ):
        history: list[tuple[str, int, str]] = []

        async def work(replica: Orchestrator, index: int) -> None:
            agent, epoch = agents[index]
            worker = replica.work(agent)
            await worker.open(epoch, credits=5)
            while True:
                frame: Any = await worker.call.read()
                if frame.HasField("assignment"):
                    await worker.complete(frame.assignment.task, agent.id.encode())
                    await worker.grant(1)
                else:
                    lease = frame.accepted.lease
                    history.append((lease.task_id, lease.lease_epoch, agent.id))

        workers = [
            asyncio.create_task(work(replica, index)) for index, replica in enumerate((left, left, right, right))
        ]
        created = await asyncio.gather(*((left, right)[number % 2].create() for number in range(200)))
        try:
            await eventually(lambda: len(history) >= len(created), within=30)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        assert sorted(task_id for task_id, _, _ in history) == sorted(task.id for task in created)
        assert len({agent_id for _, _, agent_id in history}) == 4
        for task in created:
            assert [attempt.outcome for attempt in (await left.get(task.id)).attempt_history] == [
                task_pb2.ATTEMPT_OUTCOME_COMPLETED
            ]


@pytest.mark.capability("O8")
async def test_a_cancellation_reaches_the_agent_on_another_replica(
    settings: OrchestratorSettings, registry: Registry
) -> None:
    agent, epoch = await worker_agent(registry, "one")
    async with (
        running_orchestrator(settings, registry.mint) as left,
        running_orchestrator(settings, registry.mint) as right,
    ):
        worker = left.work(agent)
        await worker.open(epoch, credits=1)
        await right.create()
        task = await worker.assignment()
        await right.cancel(task.id)
        assert (await worker.next("stop")).reason == "CANCELED"


async def test_a_stopping_orchestrator_tells_its_agents_to_connect_again(
    settings: OrchestratorSettings, registry: Registry
) -> None:
    agent, epoch = await worker_agent(registry, "one")
    settings = settings.model_copy(update={"listen": f"127.0.0.1:{free_port()}"})
    async with open_channel(settings.listen) as channel:
        async with running_orchestrator(settings, registry.mint) as orchestrator:
            worker = WorkClient(task_service_pb2_grpc.TaskServiceStub(channel).Work(metadata=agent.metadata))
            await worker.open(epoch, credits=1)
            await orchestrator.create()
            task = await worker.assignment()
            ending = asyncio.create_task(worker.error())
        refused = read_refusal(await ending)
        assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    async with running_orchestrator(settings, registry.mint) as orchestrator:
        back = orchestrator.work(agent)
        assert await back.open(epoch, held=[lease_of(task)]) == (lease_of(task),)
