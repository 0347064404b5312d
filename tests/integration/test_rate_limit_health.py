"""A service whose replicas do not hear of each other says so."""

import asyncio
import os
import signal
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.free_ports import free_address
from harness.in_process import running
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tokens import TokenMint
from pydantic import SecretStr
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc
from rookery_kit.foundation import Foundation
from rookery_kit.health import RATE_LIMITS
from rookery_kit.lifecycle import Service
from rookery_kit.rpc import Registration
from rookery_kit.settings import ServiceSettings

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


class LimitedSettings(ServiceSettings):
    """A service on the registry's schema."""

    service: ClassVar[str] = "registry"


class Agents(agent_service_pb2_grpc.AgentServiceServicer):
    """Needs nothing to answer."""

    async def GetAgent(self, request: Any, context: Any) -> agent_service_pb2.GetAgentResponse:  # noqa: N802
        return agent_service_pb2.GetAgentResponse()


@dataclass(frozen=True)
class Limited:
    """A running service with limits."""

    channel: grpc.aio.Channel
    mint: TokenMint
    metrics: str

    async def status(self, service: str) -> int:
        health: Any = health_pb2_grpc.HealthStub(self.channel)
        return int((await health.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)).status)

    def get(self) -> Any:
        request = agent_service_pb2.GetAgentRequest(agent_id="01900000-0000-7000-8000-000000000000")
        stub = agent_service_pb2_grpc.AgentServiceStub(self.channel)
        return stub.GetAgent(request, metadata=self.mint.bearer(), timeout=5)

    async def samples(self) -> dict[str, float]:
        """What Prometheus reads."""
        text = await asyncio.to_thread(lambda: urllib.request.urlopen(self.metrics, timeout=5).read().decode())
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}


@asynccontextmanager
async def limited(
    database: FreshDatabase, nats: RestartableNats, outage: Literal["open", "closed"]
) -> AsyncIterator[Limited]:
    mint = TokenMint()

    async def compose(_settings: LimitedSettings, _foundation: Foundation) -> Service:
        agents = Agents()  # type: ignore[abstract] # the other methods are not called
        registration = Registration(agent_service_pb2_grpc.add_AgentServiceServicer_to_server, agents)
        return Service((registration,), fetch_keys=mint.fetch_keys)

    settings = LimitedSettings(
        listen="127.0.0.1:0",
        metrics_listen=free_address(),
        database_url=SecretStr(database.url("registry")),
        nats_url=SecretStr(nats.url("registry")),
        auth_address=free_address(),
        drain_seconds=0.2,
        rate_limit_outage=outage,
    )
    async with running(settings, compose) as channel:
        yield Limited(channel, mint, f"http://{settings.metrics_listen}/metrics")


@pytest.mark.capability("A7")
async def test_an_open_limiter_says_that_limits_are_local_and_goes_on(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    async with limited(fresh_database, nats_server, "open") as service:
        await eventually(lambda: has_status(service, RATE_LIMITS, SERVING))
        assert (await service.samples())["rookery_rate_limits_reconciled"] == 1
        await nats_server.kill()
        await eventually(lambda: has_status(service, RATE_LIMITS, NOT_SERVING))
        assert (await service.samples())["rookery_rate_limits_reconciled"] == 0
        await service.get()
        await nats_server.restart()
        await eventually(lambda: has_status(service, RATE_LIMITS, SERVING))


@pytest.mark.capability("A7")
async def test_limits_are_known_to_be_local_three_seconds_after_the_bus_froze(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    async with limited(fresh_database, nats_server, "open") as service:
        await eventually(lambda: has_status(service, RATE_LIMITS, SERVING))
        os.kill(nats_server.pid, signal.SIGSTOP)
        try:
            await eventually(lambda: has_status(service, RATE_LIMITS, NOT_SERVING), within=3)
        finally:
            os.kill(nats_server.pid, signal.SIGCONT)
        await eventually(lambda: has_status(service, RATE_LIMITS, SERVING))


@pytest.mark.capability("A7")
async def test_a_closed_limiter_refuses_calls_and_is_not_serving(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    async with limited(fresh_database, nats_server, "closed") as service:
        await service.get()
        await nats_server.kill()
        await eventually(lambda: has_status(service, RATE_LIMITS, NOT_SERVING))
        await eventually(lambda: has_status(service, "", NOT_SERVING))
        refused = await refusal(service.get())
        assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "RATE_LIMITER_UNAVAILABLE")
        assert refused.retry_after == 1.0
        assert (await service.samples())['rookery_rate_limited_calls_total{scope="outage"}'] == 1
        await nats_server.restart()
        await eventually(lambda: has_status(service, RATE_LIMITS, SERVING))
        await eventually(lambda: has_status(service, "", SERVING))
        await service.get()


async def has_status(service: Limited, name: str, status: int) -> bool:
    return await service.status(name) == status
