"""Nobody who carries a valid token notices that auth is away, and nothing acknowledged is lost with Postgres."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from harness.databases import PASSWORD, FreshDatabase, services_with_migrations
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from harness.refusal import Refusal, read_refusal
from harness.suite import Suite, running_suite
from rookery.orchestrator.v1 import task_service_pb2, task_service_pb2_grpc
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc
from rookery_kit.postgres.migrate import migrate_up
from rookery_local.embedded_postgres import EmbeddedPostgres

CLIENTS = 32
Bearer = tuple[tuple[str, str], ...]


@dataclass
class Work:
    """What clients did: how many calls were served, which were refused, which tasks were acknowledged."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    served: int = 0
    refused: list[Refusal] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

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


async def create(suite: Suite, bearer: Bearer, work: Work) -> None:
    tasks: Any = task_service_pb2_grpc.TaskServiceStub(suite.channel("orchestrator"))
    while not work.stopping.is_set():
        request = task_service_pb2.CreateTaskRequest(title="t", capability="nobody-has-it", request_id=str(uuid4()))
        try:
            created = await tasks.CreateTask(request, metadata=bearer, timeout=30)
            work.acknowledged.append(created.task.id)
            work.served += 1
        except grpc.aio.AioRpcError as error:
            work.refused.append(read_refusal(error))


@pytest.fixture
async def own_postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A Postgres that this test may stop, with the schemas of all services."""
    with tempfile.TemporaryDirectory(prefix="rk-pg-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data")
        await server.start()
        try:
            migrate_up(server.admin_url, dict.fromkeys(services_with_migrations(), PASSWORD))
            yield server
        finally:
            await server.stop()


async def test_while_postgres_restarts_calls_are_unavailable_and_no_acknowledged_change_is_missing(
    own_postgres: EmbeddedPostgres, nats_server: RestartableNats
) -> None:
    async with running_suite(FreshDatabase("postgres", own_postgres), nats_server) as suite:
        bearer, work = await suite.administrator(), Work()
        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS // 4):
                clients.create_task(create(suite, bearer, work))
            await work.more(200)
            await own_postgres.stop()
            await eventually(lambda: len(work.refused) >= 1, within=30)
            await own_postgres.start()
            await work.more(200)
            work.stopping.set()
        assert {(refused.code, refused.reason) for refused in work.refused} == {
            (grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")
        }
        assert all(refused.retry_after is not None for refused in work.refused)
        tasks: Any = task_service_pb2_grpc.TaskServiceStub(suite.channel("orchestrator"))
        for task_id in work.acknowledged:
            found = await tasks.GetTask(task_service_pb2.GetTaskRequest(task_id=task_id), metadata=bearer, timeout=30)
            assert found.task.id == task_id
