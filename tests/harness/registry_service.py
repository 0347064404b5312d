"""A registry inside the test, and what tests ask of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
from pydantic import SecretStr
from rookery.registry.v1 import (
    agent_pb2,
    agent_service_pb2,
    agent_service_pb2_grpc,
    agent_watch_pb2,
    mcp_server_service_pb2_grpc,
)
from rookery_kit.foundation import Foundation
from rookery_kit.lifecycle import Service
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
        """Sends one heartbeat over a stream of its own and answers how long the lease runs."""
        async with self.heartbeats(caller, session_epoch) as stream:
            await stream.beat(going_offline=going_offline)
            return (await stream.answer()).lease_remaining.ToTimedelta().total_seconds()

    @asynccontextmanager
    async def heartbeats(self, caller: Caller, session_epoch: int) -> AsyncIterator["HeartbeatStream"]:
        """An open stream of heartbeats; cancelled at the end of the block, as by an agent that is gone."""
        call = self.agents.Heartbeat(metadata=caller.metadata)
        try:
            yield HeartbeatStream(call, session_epoch)
        finally:
            call.cancel()

    @asynccontextmanager
    async def watching(self, *, tenant: str = "default", **wanted: object) -> AsyncIterator["WatchLog"]:
        """What a watcher is told until the end of the block."""
        request = agent_watch_pb2.WatchAgentsRequest(**wanted)  # type: ignore[arg-type]
        log = WatchLog()
        call = self.agents.WatchAgents(request, metadata=self.admin(tenant))
        following = asyncio.create_task(log.follow(call))
        try:
            yield log
        finally:
            call.cancel()
            await asyncio.gather(following, return_exceptions=True)


@dataclass
class HeartbeatStream:
    """One stream, as an agent holds it."""

    call: Any
    session_epoch: int

    async def beat(self, **fields: object) -> None:
        """Sends a frame."""
        await self.call.write(agent_service_pb2.HeartbeatRequest(session_epoch=self.session_epoch, **fields))  # type: ignore[arg-type]

    async def answer(self, within: float = 30) -> agent_service_pb2.HeartbeatResponse:
        """The next answer. Raises the error that ended the stream."""
        answer = await asyncio.wait_for(self.call.read(), within)
        assert answer is not grpc.aio.EOF, "the stream has ended"
        assert isinstance(answer, agent_service_pb2.HeartbeatResponse)
        return answer

    async def confirmed(self, **fields: object) -> agent_service_pb2.HeartbeatResponse:
        """Sends a frame and answers what comes back once it is stored."""
        await self.beat(confirm=True, **fields)
        return await self.answer()


@dataclass
class WatchLog:
    """The frames of a watch, and what ended it."""

    agents: list[agent_pb2.Agent] = field(default_factory=list)
    changes: list[agent_watch_pb2.WatchedChange] = field(default_factory=list)
    revision: int = 0
    synced: bool = False
    error: grpc.aio.AioRpcError | None = None

    async def follow(self, call: Any) -> None:
        """Keeps what comes until the stream ends."""
        try:
            async for frame in call:
                self.agents.extend(frame.snapshot.agents)
                self.changes.extend(frame.changes.changes)
                self.synced = self.synced or frame.HasField("synced")
                self.revision = frame.revision or self.revision
        except grpc.aio.AioRpcError as error:
            self.error = error

    @property
    def told(self) -> list[tuple[str, str]]:
        """Kind and name of every change, in order."""
        kind_name = agent_watch_pb2.WatchedChangeKind.Name
        return [(kind_name(each.kind).removeprefix("WATCHED_CHANGE_KIND_"), each.agent.name) for each in self.changes]


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
async def running_registry(
    settings: RegistrySettings, mint: TokenMint, *, clock_ahead: float = 0
) -> AsyncIterator[Registry]:
    """Serves until the block ends, with a clock that is so many seconds ahead."""

    async def compose_with_clock(settings: RegistrySettings, foundation: Foundation) -> Service:
        return await compose(settings, replace(foundation, clock=ShiftedClock(timedelta(seconds=clock_ahead))))

    async with running(settings, mint.trusted_by(compose_with_clock)) as channel:
        yield registry_at(channel, mint)


@dataclass(frozen=True)
class ShiftedClock:
    """A clock that is ahead of the others."""

    ahead: timedelta

    def now(self) -> datetime:
        """What it shows."""
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        """Seconds since some moment of its own."""
        return time.monotonic() + self.ahead.total_seconds()


def registry_at(channel: grpc.aio.Channel, mint: TokenMint) -> Registry:
    """The stubs on a channel."""
    return Registry(
        mint,
        channel,
        agent_service_pb2_grpc.AgentServiceStub(channel),
        mcp_server_service_pb2_grpc.McpServerServiceStub(channel),
    )
