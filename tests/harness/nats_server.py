"""A real NATS server with JetStream for each test: it starts in some 10 ms, so nothing is shared between tests."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest
from rookery_kit.bus import Bus
from rookery_kit.bus.topology import Topology
from rookery_local.embedded_nats import EmbeddedNats

from harness.free_ports import free_port

PASSWORD = "only-for-tests"
USERS = ("auth", "registry", "orchestrator", "tool_executor")


class Reachable(Protocol):
    """One NATS server, or several that are one."""

    def url(self, user: str = ...) -> str:
        """The URL under which a service connects."""
        ...


class RestartableNats:
    """A NATS server that can be killed and comes back at the same address with the same data."""

    def __init__(self, server: EmbeddedNats) -> None:
        self._server = server

    def url(self, user: str = "orchestrator") -> str:
        """The URL under which a service connects."""
        return self._server.url(user)

    @property
    def pid(self) -> int:
        """The id of its process, which runs."""
        assert self._server.pid is not None
        return self._server.pid

    async def kill(self) -> None:
        """Kills it with no warning."""
        await self._server.kill()

    async def restart(self) -> None:
        """Starts it again after `kill`."""
        await self._server.start()


@pytest.fixture
async def nats_server() -> AsyncIterator[RestartableNats]:
    """A NATS server of the test's own, empty."""
    folder = Path(tempfile.mkdtemp(prefix="rk-nats-"))
    users = dict.fromkeys(USERS, PASSWORD)
    server = EmbeddedNats(folder, port=free_port(), users=users, sync_always=False)
    try:
        await server.start()
        yield RestartableNats(server)
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def bus(nats_server: RestartableNats) -> AsyncIterator[Bus]:
    """A connection to the test's NATS server, with every stream declared; its user may say what auth says."""
    connection = await Bus.connect(nats_server.url("auth"), name="test", topology=Topology())
    yield connection
    await connection.close()
