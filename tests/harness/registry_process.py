"""A registry in a process of its own, which can be killed."""

import os
import sys
from asyncio import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rookery_kit.rpc import open_channel
from rookery_registry.settings import RegistrySettings

from harness.eventually import eventually
from harness.registry_service import Registry, registry_at
from harness.tokens import TokenMint

_SETTINGS = ("listen", "metrics_listen", "auth_address", "drain_seconds", "outage_seconds")


@asynccontextmanager
async def process(settings: RegistrySettings) -> AsyncIterator[subprocess.Process]:
    """The registry as `python -m rookery_registry`, killed at the end of the block where it still runs."""
    values = {name.upper(): str(getattr(settings, name)) for name in _SETTINGS}
    values["DATABASE_URL"] = settings.database_url.get_secret_value()
    values["NATS_URL"] = settings.nats_url.get_secret_value()
    environment = os.environ | {f"ROOKERY_REGISTRY_{name}": value for name, value in values.items()}
    running = await subprocess.create_subprocess_exec(
        sys.executable, "-m", "rookery_registry", env=environment, stderr=subprocess.PIPE
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


@asynccontextmanager
async def serving(settings: RegistrySettings, mint: TokenMint) -> AsyncIterator[tuple[subprocess.Process, Registry]]:
    """The same, SERVING, with its stubs."""
    async with process(settings) as running:
        channel = open_channel(settings.listen)
        try:
            await is_serving(channel, serving=True)
            yield running, registry_at(channel, mint)
        finally:
            await channel.close()


async def is_serving(channel: grpc.aio.Channel, *, serving: bool) -> bool:
    """Waits until health says so."""
    wanted = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
    stub: Any = health_pb2_grpc.HealthStub(channel)

    async def as_wanted() -> bool:
        answer = await stub.Check(health_pb2.HealthCheckRequest())
        return bool(answer.status == wanted)

    return bool(await eventually(as_wanted, within=20, retry=(grpc.aio.AioRpcError,)))
