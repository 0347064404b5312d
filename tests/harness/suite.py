"""The four services as processes of their own, on a fresh database and an empty NATS, for tests across services."""

import asyncio
import base64
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from rookery.auth.v1 import token_service_pb2, token_service_pb2_grpc
from rookery_kit.rpc import open_channel
from rookery_local.child import Command
from rookery_local.errors import CannotStart
from rookery_local.ports import SERVICES, Ports, free_ports
from rookery_local.service_process import ServiceProcess

from harness.databases import FreshDatabase
from harness.nats_server import RestartableNats
from harness.shifted_process import shifted_command

Bearer = tuple[tuple[str, str], ...]
_ASKS_REGISTRY = {"orchestrator", "tool_executor"}


class Suite:
    """Service processes that can be killed and started again at the same addresses.

    `extra` are settings by service and name, such as {"registry": {"SWEEP_SECONDS": "0.1"}}.
    """

    def __init__(
        self,
        folder: Path,
        database: FreshDatabase,
        nats: RestartableNats,
        services: Sequence[str],
        extra: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.folder = folder
        self.database = database
        self.nats = nats
        self._extra = extra
        self._ports: Ports = free_ports()
        self._replicas: dict[str, Ports] = {}
        self._channels: dict[str, grpc.aio.Channel] = {}
        # A second try finds what the first has made: the database knows that key.
        if not (folder / "master.key").exists():
            (folder / "master.key").write_text(base64.b64encode(secrets.token_bytes(32)).decode())
            (folder / "master.key").chmod(0o600)
        self._processes = {service: self._process(service) for service in services}

    def address(self, service: str) -> str:
        """`host:port` of a service, or of a replica by its name."""
        if service in self._replicas:
            return self._replicas[service].address(service.partition("-")[0])
        return self._ports.address(service)

    def add_replica(self, name: str, *, ahead: timedelta = timedelta()) -> None:
        """One more process of a service, to be started, killed and found under its name, such as `orchestrator-2`.

        Its clock is so far `ahead`; behind, if that is negative.
        """
        service = name.partition("-")[0]
        self._replicas[name] = ports = free_ports()
        prefix = f"ROOKERY_{service.upper()}"
        environment = self._environment(service) | {
            f"{prefix}_LISTEN": ports.address(service),
            f"{prefix}_METRICS_LISTEN": ports.metrics_address(service),
        }
        module = f"rookery_{service}"
        arguments = shifted_command(module, ahead) if ahead else (sys.executable, "-m", module)
        command = Command(arguments, self._log_file(name), environment=environment)
        self._processes[name] = ServiceProcess(command, socket=self.folder / f"{name}.notify")

    def metrics_address(self, service: str) -> str:
        """`host:port` of a service's metrics."""
        return self._ports.metrics_address(service)

    def channel(self, service: str) -> grpc.aio.Channel:
        """A channel to a service, kept until the suite stops; it outlives the process it leads to."""
        if service not in self._channels:
            self._channels[service] = open_channel(self.address(service))
        return self._channels[service]

    def pid(self, service: str) -> int:
        """The process id of a running service."""
        pid = self._processes[service].pid
        assert pid is not None, f"{service} is not running"
        return pid

    def log(self, service: str) -> str:
        """What a service has written."""
        return self._log_file(service).read_text(encoding="utf-8", errors="replace")

    @property
    def api_key(self) -> str:
        """The administrator's API key, which auth wrote at its first start."""
        return (self.folder / "admin.credential").read_text(encoding="utf-8").strip()

    async def administrator(self) -> Bearer:
        """The metadata of a call by the administrator."""
        stub = token_service_pb2_grpc.TokenServiceStub(self.channel("auth"))
        answer = await stub.IssueToken(token_service_pb2.IssueTokenRequest(api_key=self.api_key))
        return (("authorization", f"Bearer {answer.token_set.access_token}"),)

    async def start(self, *services: str) -> None:
        """Starts the services named, or all, and returns when they are SERVING."""
        await asyncio.gather(*(self._processes[service].start() for service in services or self._processes))

    async def kill(self, service: str) -> None:
        """Ends a service and its child processes with no warning."""
        await self._processes[service].kill()

    async def stop(self, *services: str) -> None:
        """Lets the services named, or all, drain and end."""
        await asyncio.gather(*(self._processes[service].stop() for service in services or self._processes))

    async def close(self) -> None:
        """Leaves no channel and no process."""
        for channel in self._channels.values():
            await channel.close()
        await self.stop()

    def _process(self, service: str) -> ServiceProcess:
        command = Command(
            (sys.executable, "-m", f"rookery_{service}"),
            self._log_file(service),
            environment=self._environment(service),
        )
        return ServiceProcess(command, socket=self.folder / f"{service}.notify")

    def _environment(self, service: str) -> dict[str, str]:
        settings = {
            "LISTEN": self._ports.address(service),
            "METRICS_LISTEN": self._ports.metrics_address(service),
            "DATABASE_URL": self.database.url(service),
            "NATS_URL": self.nats.url(service),
            "AUTH_ADDRESS": self._ports.address("auth"),
            "LOG_LEVEL": "debug",
        }
        if service in _ASKS_REGISTRY:
            settings["REGISTRY_ADDRESS"] = self._ports.address("registry")
        if service == "auth":
            settings["MASTER_KEY_FILE"] = str(self.folder / "master.key")
            settings["BOOTSTRAP_CREDENTIAL_FILE"] = str(self.folder / "admin.credential")
        settings |= self._extra.get(service, {})
        return {**os.environ, **{f"ROOKERY_{service.upper()}_{name}": value for name, value in settings.items()}}

    def _log_file(self, service: str) -> Path:
        return self.folder / f"{service}.log"


@asynccontextmanager
async def running_suite(
    database: FreshDatabase,
    nats: RestartableNats,
    *,
    services: Sequence[str] = SERVICES,
    extra: Mapping[str, Mapping[str, str]] | None = None,
) -> AsyncIterator[Suite]:
    """Starts the services and stops them at the end of the block. Prints their logs, which pytest shows on failure."""
    # Short, because a Unix socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="rk-suite-"))
    suite = Suite(folder, database, nats, services, extra or {})
    try:
        try:
            await suite.start()
        except CannotStart as error:
            # Somebody took a port between the look and the start; once, with others.
            if "is the port in use?" not in str(error):
                raise
            await suite.close()
            suite = Suite(folder, database, nats, services, extra or {})
            await suite.start()
        yield suite
    finally:
        await suite.close()
        for line in _last_lines(suite, services):
            sys.stdout.write(f"{line}\n")
        shutil.rmtree(folder, ignore_errors=True)


def _last_lines(suite: Suite, services: Sequence[str], count: int = 40) -> Iterator[str]:
    for service in services:
        yield f"--- {service}"
        yield from suite.log(service).splitlines()[-count:]


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    """Settings of the suite beyond the defaults, by service and name; a test module may replace this fixture."""
    return {}


@pytest.fixture
async def suite(
    fresh_database: FreshDatabase, nats_server: RestartableNats, suite_settings: dict[str, dict[str, str]]
) -> AsyncIterator[Suite]:
    """All four services, SERVING."""
    async with running_suite(fresh_database, nats_server, extra=suite_settings) as running:
        yield running
