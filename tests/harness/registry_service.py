"""A registry inside the test, and what tests ask of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import grpc
from pydantic import SecretStr
from rookery.registry.v1 import (
    agent_pb2,
    agent_service_pb2,
    agent_service_pb2_grpc,
    mcp_server_service_pb2_grpc,
)
from rookery_registry.__main__ import compose
from rookery_registry.settings import RegistrySettings

from harness.databases import FreshDatabase
from harness.in_process import running
from harness.nats_server import RestartableNats
from harness.tokens import Bearer, TokenMint

AGENT_PERMISSIONS = ("agents:register", "agents:read", "agents:update", "agents:deregister")


@dataclass
class Caller:
    """An agent identity of the test's, with the metadata of its calls."""

    id: str
    metadata: Bearer


@dataclass
class Registry:
    """The stubs of a running registry."""

    mint: TokenMint
    channel: grpc.aio.Channel
    agents: "agent_service_pb2_grpc.AgentServiceAsyncStub"
    servers: "mcp_server_service_pb2_grpc.McpServerServiceAsyncStub"

    def admin(self, tenant: str = "default") -> Bearer:
        """One who may do everything in a tenant."""
        return self.mint.bearer(tenant=tenant)

    def agent(self, tenant: str = "default", labels: dict[str, str] | None = None) -> Caller:
        """A new agent identity, as an enrolment makes it."""
        agent_id = str(uuid4())
        metadata = self.mint.bearer(
            tenant=tenant, subject=f"agent:{agent_id}", permissions=AGENT_PERMISSIONS, labels=labels
        )
        return Caller(agent_id, metadata)

    async def register(self, caller: Caller, name: str, **fields: object) -> agent_pb2.Agent:
        """Registers an agent."""
        request = agent_service_pb2.RegisterAgentRequest(name=name, **fields)  # type: ignore[arg-type]
        return (await self.agents.RegisterAgent(request, metadata=caller.metadata)).agent

    async def get(self, agent_id: str, tenant: str = "default") -> agent_pb2.Agent:
        """Reads an agent."""
        request = agent_service_pb2.GetAgentRequest(agent_id=agent_id)
        return (await self.agents.GetAgent(request, metadata=self.admin(tenant))).agent

    async def beat(self, caller: Caller, session_epoch: int, *, going_offline: bool = False) -> float:
        """Sends a heartbeat and answers how long the lease runs."""
        request = agent_service_pb2.HeartbeatRequest(session_epoch=session_epoch, going_offline=going_offline)
        answer = await self.agents.Heartbeat(request, metadata=caller.metadata)
        return answer.lease_remaining.ToTimedelta().total_seconds()


def registry_settings(
    database: FreshDatabase, nats: RestartableNats, *, listen: str = "127.0.0.1:0", auth_address: str = "127.0.0.1:0"
) -> RegistrySettings:
    """Settings for a registry on the test's database and bus."""
    return RegistrySettings(
        listen=listen,
        metrics_listen="127.0.0.1:0",
        database_url=SecretStr(database.url("registry")),
        nats_url=SecretStr(nats.url("registry")),
        auth_address=auth_address,
        drain_seconds=1,
    )


@asynccontextmanager
async def running_registry(settings: RegistrySettings, mint: TokenMint) -> AsyncIterator[Registry]:
    """Serves until the block ends."""
    async with running(settings, mint.trusted_by(compose)) as channel:
        yield registry_at(channel, mint)


def registry_at(channel: grpc.aio.Channel, mint: TokenMint) -> Registry:
    """The stubs on a channel."""
    return Registry(
        mint,
        channel,
        agent_service_pb2_grpc.AgentServiceStub(channel),
        mcp_server_service_pb2_grpc.McpServerServiceStub(channel),
    )
