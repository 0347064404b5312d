"""An orchestrator and the registry it asks, within the test."""

from collections.abc import AsyncIterator

import pytest
from harness.databases import FreshDatabase
from harness.free_ports import free_port
from harness.nats_server import RestartableNats
from harness.orchestrator_service import Orchestrator, orchestrator_settings, running_orchestrator
from harness.registry_service import Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery_orchestrator.settings import OrchestratorSettings


@pytest.fixture(scope="session")
def mint() -> TokenMint:
    return TokenMint()


@pytest.fixture
def registry_address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
async def registry(
    fresh_database: FreshDatabase, nats_server: RestartableNats, registry_address: str, mint: TokenMint
) -> AsyncIterator[Registry]:
    settings = registry_settings(fresh_database, nats_server, listen=registry_address)
    async with running_registry(settings, mint) as running:
        yield running


@pytest.fixture
def settings(
    fresh_database: FreshDatabase, nats_server: RestartableNats, registry_address: str
) -> OrchestratorSettings:
    return orchestrator_settings(fresh_database, nats_server, registry_address)


@pytest.fixture
async def orchestrator(
    settings: OrchestratorSettings, registry: Registry, mint: TokenMint
) -> AsyncIterator[Orchestrator]:
    async with running_orchestrator(settings, mint) as running:
        yield running
