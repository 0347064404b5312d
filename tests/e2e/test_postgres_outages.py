"""Postgres goes away under load, in an orderly way and by a crash: nothing that a service acknowledged is lost."""

import asyncio
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from harness.databases import PASSWORD, FreshDatabase, services_with_migrations
from harness.eventually import eventually
from harness.mcp_servers.commands import WORKBENCH
from harness.nats_server import RestartableNats
from harness.refusal import Refusal, read_refusal
from harness.suite import Bearer, Suite, running_suite
from rookery.auth.v1 import (
    api_key_service_pb2,
    api_key_service_pb2_grpc,
    enrollment_service_pb2,
    enrollment_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
)
from rookery.orchestrator.v1 import task_service_pb2, task_service_pb2_grpc
from rookery.registry.v1 import (
    agent_service_pb2,
    agent_service_pb2_grpc,
    mcp_server_service_pb2,
    mcp_server_service_pb2_grpc,
)
from rookery.tool_executor.v1 import tool_service_pb2, tool_service_pb2_grpc
from rookery_kit.postgres.migrate import migrate_up
from rookery_local.embedded_postgres import EmbeddedPostgres

CLIENTS = 2
SETTINGS = {"tool_executor": {"STDIO_ALLOWED_COMMANDS": f'["{sys.executable}"]'}}


async def all_pages(method: Any, request: Any, options: dict[str, Any]) -> AsyncIterator[Any]:
    """Every page of a listing."""
    while True:
        page = await method(request, **options)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


class Writer(ABC):
    """A client that writes to one service, one call after the other."""

    def __init__(self, suite: Suite, bearer: Bearer) -> None:
        self.suite = suite
        self.options: dict[str, Any] = {"metadata": bearer, "timeout": 30}
        self.acknowledged: list[str] = []
        self.refused: list[Refusal] = []

    @abstractmethod
    async def prepare(self) -> None:
        """Makes what the writes need."""

    @abstractmethod
    async def write(self) -> str:
        """Changes something once and names the change."""

    @abstractmethod
    async def missing(self) -> set[str]:
        """What was acknowledged and is not there."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Writes until told to stop, and on when it was refused."""
        while not stopping.is_set():
            try:
                self.acknowledged.append(await self.write())
            except grpc.aio.AioRpcError as error:
                self.refused.append(read_refusal(error))


class ApiKeys(Writer):
    """Writes to auth."""

    async def prepare(self) -> None:
        await self.write()

    async def write(self) -> str:
        request = api_key_service_pb2.CreateApiKeyRequest(
            request_id=str(uuid4()), display_name="k", subject="user:k", roles=["observer"]
        )
        return str((await self._stub().CreateApiKey(request, **self.options)).api_key.id)

    async def missing(self) -> set[str]:
        request = api_key_service_pb2.ListApiKeysRequest()
        pages = all_pages(self._stub().ListApiKeys, request, self.options)
        return set(self.acknowledged) - {key.id async for page in pages for key in page.api_keys}

    def _stub(self) -> Any:
        return api_key_service_pb2_grpc.ApiKeyServiceStub(self.suite.channel("auth"))


class AgentUpdates(Writer):
    """Writes to the registry: the description of an agent of its own counts up."""

    _agent_id = ""
    _number = 0
    _refusals_before = 0

    async def prepare(self) -> None:
        auth = self.suite.channel("auth")
        enrollments: Any = enrollment_service_pb2_grpc.EnrollmentServiceStub(auth)
        tokens: Any = token_service_pb2_grpc.TokenServiceStub(auth)
        wanted = enrollment_service_pb2.CreateEnrollmentTokenRequest()
        secret = (await enrollments.CreateEnrollmentToken(wanted, **self.options)).secret
        issued = await tokens.IssueToken(token_service_pb2.IssueTokenRequest(enrollment_token=secret))
        own = (("authorization", f"Bearer {issued.token_set.access_token}"),)
        register = agent_service_pb2.RegisterAgentRequest(name=f"counter-{uuid4().hex[:8]}", description="0")
        self._agent_id = (await self._stub().RegisterAgent(register, metadata=own)).agent.id

    async def write(self) -> str:
        if len(self.refused) > self._refusals_before:
            # A later number would hide that an earlier one is gone.
            assert await self.missing() == set()
            self._refusals_before = len(self.refused)
        self._number += 1
        request = agent_service_pb2.UpdateAgentRequest(
            request_id=str(uuid4()), agent_id=self._agent_id, description=str(self._number)
        )
        request.update_mask.paths.append("description")
        await self._stub().UpdateAgent(request, **self.options)
        return str(self._number)

    async def missing(self) -> set[str]:
        request = agent_service_pb2.GetAgentRequest(agent_id=self._agent_id)
        found = int((await self._stub().GetAgent(request, **self.options)).agent.description)
        return {number for number in self.acknowledged if int(number) > found}

    def _stub(self) -> Any:
        return agent_service_pb2_grpc.AgentServiceStub(self.suite.channel("registry"))


class Tasks(Writer):
    """Writes to the orchestrator."""

    async def prepare(self) -> None:
        await self.write()

    async def write(self) -> str:
        request = task_service_pb2.CreateTaskRequest(title="t", capability="nobody-has-it", request_id=str(uuid4()))
        return str((await self._stub().CreateTask(request, **self.options)).task.id)

    async def missing(self) -> set[str]:
        for task_id in self.acknowledged:
            found = await self._stub().GetTask(task_service_pb2.GetTaskRequest(task_id=task_id), **self.options)
            assert found.task.id == task_id
        return set()

    def _stub(self) -> Any:
        return task_service_pb2_grpc.TaskServiceStub(self.suite.channel("orchestrator"))


class ToolCalls(Writer):
    """Writes to the tool-executor, which records what it calls."""

    _server = ""

    async def prepare(self) -> None:
        self._server = f"bench-{uuid4().hex[:8]}"
        servers: Any = mcp_server_service_pb2_grpc.McpServerServiceStub(self.suite.channel("registry"))
        request = mcp_server_service_pb2.RegisterMcpServerRequest(name=self._server)
        request.stdio.command, request.stdio.args[:] = sys.executable, [WORKBENCH, "stdio"]
        await servers.RegisterMcpServer(request, **self.options)
        await self.write()

    async def write(self) -> str:
        request = tool_service_pb2.CallToolRequest(
            request_id=str(uuid4()), server=self._server, tool="echo", arguments=b'{"text": "t"}'
        )
        return str((await self._stub().CallTool(request, **self.options)).execution.id)

    async def missing(self) -> set[str]:
        request = tool_service_pb2.ListExecutionsRequest(server=self._server)
        pages = all_pages(self._stub().ListExecutions, request, self.options)
        return set(self.acknowledged) - {execution.id async for page in pages for execution in page.executions}

    def _stub(self) -> Any:
        return tool_service_pb2_grpc.ToolServiceStub(self.suite.channel("tool_executor"))


@pytest.fixture
async def own_postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A Postgres that this test may stop and kill, with the schemas of all services."""
    with tempfile.TemporaryDirectory(prefix="rk-pg-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data")
        await server.start()
        try:
            migrate_up(server.admin_url, dict.fromkeys(services_with_migrations(), PASSWORD))
            yield server
        finally:
            await server.stop()


async def more(writers: list[Writer], calls: int) -> None:
    """Returns once so many more writes of each were acknowledged."""
    goals = [(writer, len(writer.acknowledged) + calls) for writer in writers]
    await eventually(lambda: all(len(writer.acknowledged) >= goal for writer, goal in goals), within=30)


async def refused(writers: list[Writer]) -> None:
    """Returns once each was refused once more."""
    goals = [(writer, len(writer.refused)) for writer in writers]
    await eventually(lambda: all(len(writer.refused) > before for writer, before in goals), within=30)


async def test_while_postgres_restarts_calls_are_unavailable_and_no_acknowledged_change_is_missing(
    own_postgres: EmbeddedPostgres, nats_server: RestartableNats
) -> None:
    database = FreshDatabase("postgres", own_postgres)
    async with running_suite(database, nats_server, extra=SETTINGS) as suite:
        bearer, stopping = await suite.administrator(), asyncio.Event()
        kinds = (ApiKeys, AgentUpdates, Tasks, ToolCalls)
        writers: list[Writer] = [kind(suite, bearer) for kind in kinds for _ in range(CLIENTS)]
        for writer in writers:
            await writer.prepare()
        async with asyncio.TaskGroup() as clients:
            for writer in writers:
                clients.create_task(writer.run(stopping))
            for end in (own_postgres.stop, own_postgres.kill):
                await more(writers, 15)
                await end()
                await refused(writers)
                await own_postgres.start()
            await more(writers, 15)
            stopping.set()
        for writer in writers:
            told = {(answer.code, answer.reason, answer.retry_after is not None) for answer in writer.refused}
            assert told == {(grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE", True)}, type(writer).__name__
            assert await writer.missing() == set(), type(writer).__name__
