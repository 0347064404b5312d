"""A tool-executor inside the test, beside a registry, and what tests ask of it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic import SecretStr
from rookery.registry.v1 import mcp_server_pb2, mcp_server_service_pb2
from rookery.tool_executor.v1 import tool_pb2, tool_service_pb2, tool_service_pb2_grpc
from rookery_kit.rpc import open_channel
from rookery_tool_executor.__main__ import compose
from rookery_tool_executor.settings import AllowedCommandSettings, ToolExecutorSettings

from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.free_ports import free_address
from harness.in_process import running
from harness.mcp_servers.commands import WORKBENCH
from harness.nats_server import RestartableNats
from harness.registry_service import Registry, registry_settings, running_registry
from harness.tokens import Bearer, TokenMint


@dataclass
class ToolExecutor:
    """A running tool-executor and the registry that it asks."""

    registry: Registry
    registry_address: str
    tools: "tool_service_pb2_grpc.ToolServiceAsyncStub"

    def admin(self, tenant: str = "default") -> Bearer:
        """One who may do everything in a tenant."""
        return self.registry.admin(tenant)

    async def register_stdio(
        self, name: str, *args: str, command: str = sys.executable, tenant: str = "default", **fields: object
    ) -> mcp_server_pb2.McpServer:
        """Registers a stdio server; without arguments it is the workbench."""
        stdio = mcp_server_pb2.StdioTransport(command=command, args=args or (WORKBENCH, "stdio"), **fields)  # type: ignore[arg-type]
        return await self.register(name, tenant, stdio=stdio)

    async def register_http(self, name: str, url: str) -> mcp_server_pb2.McpServer:
        """Registers an HTTP server."""
        return await self.register(name, "default", streamable_http=mcp_server_pb2.StreamableHttpTransport(url=url))

    async def register(self, name: str, tenant: str, **fields: object) -> mcp_server_pb2.McpServer:
        """Registers a server."""
        request = mcp_server_service_pb2.RegisterMcpServerRequest(name=name, **fields)  # type: ignore[arg-type]
        answer = await self.registry.servers.RegisterMcpServer(request, metadata=self.admin(tenant))
        return answer.mcp_server

    async def delete(self, server: mcp_server_pb2.McpServer) -> None:
        """Removes a server from the registry."""
        request = mcp_server_service_pb2.DeleteMcpServerRequest(mcp_server_id=server.id)
        await self.registry.servers.DeleteMcpServer(request, metadata=self.admin(server.tenant))

    async def call(
        self,
        server: str,
        tool: str,
        arguments: dict[str, Any] | bytes | None = None,
        *,
        request_id: str = "",
        tool_timeout: float | None = None,
        deadline: float | None = 20,
        metadata: Bearer | None = None,
        task_id: str = "",
    ) -> tool_pb2.Execution:
        """Calls a tool and answers the execution."""
        request = tool_service_pb2.CallToolRequest(
            server=server,
            tool=tool,
            arguments=arguments if isinstance(arguments, bytes) else json.dumps(arguments or {}).encode(),
            request_id=request_id,
            task_id=task_id,
        )
        if tool_timeout is not None:
            request.timeout.CopyFrom(Duration(nanos=int(tool_timeout * 1e9)))
        answer = await self.tools.CallTool(request, metadata=metadata or self.admin(), timeout=deadline)
        return answer.execution

    async def text(self, server: str, tool: str, arguments: dict[str, Any] | None = None) -> str:
        """Calls a tool and answers its text."""
        return text_of(await self.call(server, tool, arguments))

    async def list_tools(self, server: str = "", **fields: object) -> tool_service_pb2.ListToolsResponse:
        """Lists tools."""
        request = tool_service_pb2.ListToolsRequest(server=server, **fields)  # type: ignore[arg-type]
        return await self.tools.ListTools(request, metadata=self.admin(), timeout=20)

    async def executions(self, *, tenant: str = "default", **fields: object) -> list[tool_pb2.Execution]:
        """One page of the record, newest first."""
        request = tool_service_pb2.ListExecutionsRequest(**fields)  # type: ignore[arg-type]
        answer = await self.tools.ListExecutions(request, metadata=self.admin(tenant), timeout=20)
        return list(answer.executions)


def text_of(execution: tool_pb2.Execution) -> str:
    """The text of an answer."""
    return "".join(piece.text for piece in execution.content)


def new_request_id() -> str:
    """A request_id."""
    return str(uuid4())


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def tool_executor_settings(
    database: FreshDatabase, nats: RestartableNats, registry_address: str, **changes: object
) -> ToolExecutorSettings:
    """Settings for a tool-executor that may start this Python and reach this machine."""
    values: dict[str, Any] = {
        "listen": "127.0.0.1:0",
        "metrics_listen": "127.0.0.1:0",
        "database_url": SecretStr(database.url("tool_executor")),
        "nats_url": SecretStr(nats.url("tool_executor")),
        "auth_address": "127.0.0.1:0",
        "registry_address": registry_address,
        "drain_seconds": 1,
        "stdio_allowed_commands": (AllowedCommandSettings(command=sys.executable),),
        "http_allowed_networks": ("127.0.0.0/8",),
        "executor_lease_seconds": 1,
        "child_stop_seconds": 0.5,
    }
    return ToolExecutorSettings(**values | changes)


@asynccontextmanager
async def running_tool_executor(
    database: FreshDatabase, nats: RestartableNats, mint: TokenMint, **changes: object
) -> AsyncIterator[ToolExecutor]:
    """Serves a registry and a tool-executor until the block ends. `changes` are settings of the latter."""
    address = free_address()
    async with running_registry(registry_settings(database, nats, listen=address), mint) as registry:
        settings = tool_executor_settings(database, nats, address, **changes)
        async with running(settings, mint.trusted_by(compose)) as channel:
            yield executor_at(channel, registry, address)


def executor_at(channel: grpc.aio.Channel, registry: Registry, registry_address: str) -> ToolExecutor:
    """The stubs on a channel."""
    return ToolExecutor(registry, registry_address, tool_service_pb2_grpc.ToolServiceStub(channel))


class ExecutorProcess:
    """A tool-executor in a process of its own, beside a registry inside the test."""

    def __init__(self, settings: ToolExecutorSettings) -> None:
        self.address = settings.listen
        self._environment = {
            **os.environ,
            **{f"ROOKERY_TOOL_EXECUTOR_{name.upper()}": value for name, value in _spelled(settings).items()},
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it and waits until it is SERVING."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "rookery_tool_executor", env=self._environment
        )
        async with grpc.aio.insecure_channel(self.address) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)

            async def serves() -> bool:
                answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=1)
                return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

            await eventually(serves, within=30, retry=(grpc.aio.AioRpcError,))

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """Kills it, and it alone, with no warning."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def executor_process(
    database: FreshDatabase, nats: RestartableNats, registry: Registry, registry_address: str, **changes: object
) -> AsyncIterator[tuple[ExecutorProcess, ToolExecutor]]:
    """A tool-executor's process and the stubs to it."""
    async with registry.mint.serving_keys() as auth_address:
        settings = tool_executor_settings(
            database, nats, registry_address, listen=free_address(), auth_address=auth_address, **changes
        )
        process = ExecutorProcess(settings)
        channel = open_channel(process.address)
        try:
            await process.start()
            yield process, executor_at(channel, registry, registry_address)
        finally:
            await channel.close()
            await process.kill()


def _spelled(settings: ToolExecutorSettings) -> dict[str, str]:
    """Settings as the environment spells them."""
    values = settings.model_dump(mode="json", exclude_none=True)
    values["database_url"] = settings.database_url.get_secret_value()
    values["nats_url"] = settings.nats_url.get_secret_value()
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
