"""Nobody who carries a valid token notices that auth is away."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from harness.eventually import eventually
from harness.refusal import Refusal, read_refusal
from harness.suite import Suite
from rookery.orchestrator.v1 import task_service_pb2, task_service_pb2_grpc
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc

CLIENTS = 32
Bearer = tuple[tuple[str, str], ...]


@dataclass
class Work:
    """What clients did: how many calls were served, which were refused."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    served: int = 0
    refused: list[Refusal] = field(default_factory=list)

    async def more(self, calls: int) -> None:
        """Returns once so many more were served."""
        goal = self.served + calls
        await eventually(lambda: self.served >= goal, within=60)


async def read(suite: Suite, bearer: Bearer, work: Work) -> None:
    agents: Any = agent_service_pb2_grpc.AgentServiceStub(suite.channel("registry"))
    tasks: Any = task_service_pb2_grpc.TaskServiceStub(suite.channel("orchestrator"))
    while not work.stopping.is_set():
        try:
            await agents.ListAgents(agent_service_pb2.ListAgentsRequest(), metadata=bearer, timeout=30)
            await tasks.ListTasks(task_service_pb2.ListTasksRequest(page_size=1), metadata=bearer, timeout=30)
            work.served += 2
        except grpc.aio.AioRpcError as error:
            work.refused.append(read_refusal(error))


@pytest.mark.capability("A2")
async def test_while_auth_is_killed_and_comes_back_no_request_with_a_valid_token_fails(suite: Suite) -> None:
    bearer, work = await suite.administrator(), Work()
    async with asyncio.TaskGroup() as clients:
        for _ in range(CLIENTS):
            clients.create_task(read(suite, bearer, work))
        await work.more(CLIENTS * 4)
        await suite.kill("auth")
        await work.more(CLIENTS * 10)
        await suite.start("auth")
        await work.more(CLIENTS * 10)
        work.stopping.set()
    assert work.refused == []
