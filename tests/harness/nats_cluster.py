"""Three real NATS servers that are one JetStream cluster; each can be killed, and its disk lost with it."""

import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import APIError
from rookery_local.child import Child, Command
from rookery_local.embedded_nats import find_server

from harness.eventually import eventually
from harness.free_ports import free_port

_SIZE = 3
_USER, _PASSWORD = "cluster", "only-for-tests"
_NOT_YET = (NatsError, APIError, OSError, TimeoutError, AssertionError)


@dataclass
class _Node:
    name: str
    port: int
    cluster_port: int
    folder: Path
    child: Child | None = None

    @property
    def url(self) -> str:
        return f"nats://{_USER}:{_PASSWORD}@127.0.0.1:{self.port}"


class NatsCluster:
    """The servers `n0`, `n1` and `n2`."""

    def __init__(self, folder: Path) -> None:
        self._nodes = {
            name: _Node(name, free_port(), free_port(), folder / name)
            for name in (f"n{number}" for number in range(_SIZE))
        }

    def url(self, _user: str = _USER) -> str:
        """The URL under which a service connects: one of all servers, whichever is there."""
        return ",".join(node.url for node in self._nodes.values())

    def url_of(self, name: str) -> str:
        """The URL of one of the servers."""
        return self._nodes[name].url

    async def start(self) -> None:
        """Starts all, and returns when they have a leader."""
        for name in self._nodes:
            self.start_node(name)
        await self.has_quorum()

    def start_node(self, name: str) -> None:
        """Starts a server on what is on its disk."""
        node = self._nodes[name]
        node.folder.mkdir(parents=True, exist_ok=True)
        settings = node.folder / "nats.conf"
        settings.write_text(json.dumps(self._configuration(node)))
        node.child = Child.spawn(Command((str(find_server()), "--config", str(settings)), node.folder / "log"))

    async def kill(self, name: str, *, lose_disk: bool = False) -> None:
        """Kills a server with no warning; its disk may go with it."""
        node = self._nodes[name]
        if node.child is not None:
            await node.child.end()
            node.child = None
        if lose_disk:
            shutil.rmtree(node.folder / "jetstream")

    async def has_quorum(self) -> None:
        """Returns when the cluster answers for its streams."""
        await self._ask(lambda client: client.jetstream().account_info())

    async def leader_of(self, stream: str) -> str:
        """The server that leads a stream."""

        async def leader(client: Client) -> str:
            cluster = (await client.jetstream().stream_info(stream)).cluster
            return (cluster.leader or "") if cluster else ""

        return str(await self._ask(leader))

    async def is_whole(self, stream: str) -> None:
        """Returns when all replicas of a stream are there and hold what the leader holds."""

        async def whole(client: Client) -> bool:
            cluster = (await client.jetstream().stream_info(stream)).cluster
            assert cluster is not None
            assert cluster.replicas is not None
            return len(cluster.replicas) == _SIZE - 1 and all(
                peer.current and not peer.offline for peer in cluster.replicas
            )

        await self._ask(whole)

    async def stop(self) -> None:
        """Ends all."""
        for name in self._nodes:
            await self.kill(name)

    async def _ask(self, question: object) -> object:
        async def answer() -> object:
            client = Client()
            await client.connect(
                self.url().split(","), connect_timeout=1, max_reconnect_attempts=1, allow_reconnect=False
            )
            try:
                return await question(client)  # type: ignore[operator]
            finally:
                await client.close()

        return await eventually(answer, within=60, every=0.2, retry=_NOT_YET)

    def _configuration(self, node: _Node) -> dict[str, object]:
        return {
            "server_name": node.name,
            "listen": f"127.0.0.1:{node.port}",
            "max_payload": 2 * 1024 * 1024,
            "jetstream": {"store_dir": str(node.folder / "jetstream"), "sync_interval": "always"},
            "cluster": {
                "name": "rookery",
                "listen": f"127.0.0.1:{node.cluster_port}",
                "routes": [f"nats://127.0.0.1:{other.cluster_port}" for other in self._nodes.values()],
            },
            "accounts": {
                "ROOKERY": {"jetstream": "enabled", "users": [{"user": _USER, "password": _PASSWORD}]},
                "SYS": {"users": []},
            },
            "system_account": "SYS",
        }


@pytest.fixture
async def nats_cluster() -> AsyncIterator[NatsCluster]:
    """A cluster of the test's own, empty, with a leader."""
    folder = Path(tempfile.mkdtemp(prefix="rk-cluster-"))
    cluster = NatsCluster(folder)
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
