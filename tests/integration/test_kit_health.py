import asyncio
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.free_ports import free_address
from harness.in_process import running
from harness.nats_server import RestartableNats
from harness.tokens import TokenMint
from psycopg import connect
from pydantic import SecretStr
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc
from rookery_kit.foundation import Foundation
from rookery_kit.lifecycle import Service
from rookery_kit.rpc import Registration
from rookery_kit.settings import ServiceSettings

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


class ProbeSettings(ServiceSettings):
    """A service on the registry's schema."""

    service: ClassVar[str] = "registry"


class Agents(agent_service_pb2_grpc.AgentServiceServicer):
    """A service to be asked for."""


async def compose(_settings: ProbeSettings, foundation: Foundation) -> Service:
    foundation.telemetry.meter.create_histogram("work.duration", unit="s").record(0.002)
    agents = Agents()  # type: ignore[abstract] # nothing of it is called
    registration = Registration(agent_service_pb2_grpc.add_AgentServiceServicer_to_server, agents)
    return Service((registration,), fetch_keys=TokenMint().fetch_keys)


@dataclass(frozen=True)
class Probe:
    """A running service and where its metrics are."""

    channel: grpc.aio.Channel
    metrics: str

    async def status(self, service: str = "") -> int:
        health: Any = health_pb2_grpc.HealthStub(self.channel)
        return int((await health.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)).status)


@pytest.fixture
async def probe(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Probe]:
    settings = ProbeSettings(
        listen="127.0.0.1:0",
        metrics_listen=free_address(),
        database_url=SecretStr(fresh_database.url("registry")),
        nats_url=SecretStr(nats_server.url("registry")),
        auth_address=free_address(),
        drain_seconds=0.2,
    )
    async with running(settings, compose) as channel:
        yield Probe(channel, f"http://{settings.metrics_listen}/metrics")


@pytest.mark.capability("D3")
async def test_health_answers_for_the_server_and_for_each_service(probe: Probe) -> None:
    for service in ("", agent_service_pb2.DESCRIPTOR.services_by_name["AgentService"].full_name):
        assert await probe.status(service) == SERVING


@pytest.mark.capability("D3")
async def test_health_follows_the_bus(probe: Probe, nats_server: RestartableNats) -> None:
    await nats_server.kill()
    await eventually(lambda: has_status(probe, NOT_SERVING))
    await nats_server.restart()
    await eventually(lambda: has_status(probe, SERVING))


@pytest.mark.capability("D3")
async def test_health_follows_the_database(probe: Probe, fresh_database: FreshDatabase) -> None:
    def take_away(*, allowed: bool) -> None:
        with connect(fresh_database.server.admin_url, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {fresh_database.name} ALLOW_CONNECTIONS {allowed}".encode())
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (fresh_database.name,)
            )

    await asyncio.to_thread(take_away, allowed=False)
    await eventually(lambda: has_status(probe, NOT_SERVING))
    await asyncio.to_thread(take_away, allowed=True)
    await eventually(lambda: has_status(probe, SERVING))


async def has_status(probe: Probe, status: int) -> bool:
    return await probe.status() == status


@pytest.mark.capability("D3")
async def test_prometheus_reads_the_process_and_durations_in_buckets_of_seconds(probe: Probe) -> None:
    text = await asyncio.to_thread(lambda: urllib.request.urlopen(probe.metrics, timeout=5).read().decode())
    assert "process_resident_memory_bytes" in text
    (bucket,) = [
        line for line in text.splitlines() if line.startswith("work_duration_seconds_bucket") and 'le="0.0025"' in line
    ]
    assert bucket.endswith(" 1.0")
