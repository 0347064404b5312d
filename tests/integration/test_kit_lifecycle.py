import asyncio
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest
import structlog
from grpc_health.v1 import health, health_pb2_grpc
from harness.databases import FreshDatabase
from harness.free_ports import free_address
from harness.nats_server import RestartableNats
from harness.tokens import TokenMint
from psycopg import connect
from rookery_kit.errors import CannotStart
from rookery_kit.foundation import Foundation
from rookery_kit.lifecycle import EXIT_CANNOT_START, EXIT_LOOP_ENDED, Compose, Service, notify, run_service
from rookery_kit.rpc import Registration
from rookery_kit.settings import ServiceSettings


class ProbeSettings(ServiceSettings):
    """A service on the registry's schema."""

    service: ClassVar[str] = "registry"


async def compose(_settings: ProbeSettings, _foundation: Foundation) -> Service:
    return Service(registrations=(), fetch_keys=TokenMint().fetch_keys)


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, fresh_database: FreshDatabase, nats_server: RestartableNats
) -> Iterator[None]:
    settings = {
        "LISTEN": free_address(),
        "METRICS_LISTEN": free_address(),
        "DATABASE_URL": fresh_database.url("registry"),
        "NATS_URL": nats_server.url("registry"),
        "AUTH_ADDRESS": free_address(),
        "START_TIMEOUT_SECONDS": "3",
        "DRAIN_SECONDS": "0.2",
    }
    monkeypatch.delenv("ROOKERY_CONFIG", raising=False)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(f"ROOKERY_REGISTRY_{name}", value)
    configured = structlog.get_config()
    yield
    structlog.configure(**configured)


@pytest.fixture
def short_folder() -> Iterator[str]:
    """For sockets, whose paths have at most 107 characters."""
    with tempfile.TemporaryDirectory(prefix="rk-") as folder:
        yield folder


def refused(capsys: pytest.CaptureFixture[str], compose_with: Compose[ProbeSettings] = compose) -> str:
    """The one line that a start that fails leaves on standard error."""
    with pytest.raises(SystemExit) as ended:
        run_service(ProbeSettings, compose_with)
    assert ended.value.code == EXIT_CANNOT_START
    (line,) = [each for each in capsys.readouterr().err.splitlines() if not each.startswith("{")]
    assert line.startswith("rookery-registry: cannot start: ")
    return line


@contextmanager
def stopped_when_ready(monkeypatch: pytest.MonkeyPatch, folder: str) -> Iterator[list[str]]:
    """Stands for the supervisor: hears what the service notifies, and sends SIGTERM when it is ready."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        address = f"{folder}/notify"
        notified.bind(address)
        notified.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", address)

        def listen() -> None:
            while not heard or heard[-1] != "STOPPING=1":
                heard.append(notified.recv(100).decode())
                if heard[-1] == "READY=1":
                    os.kill(os.getpid(), signal.SIGTERM)

        listener = threading.Thread(target=listen)
        listener.start()
        yield heard
        listener.join()


@pytest.mark.capability("D1")
def test_a_service_says_when_it_serves_and_ends_in_good_order_on_sigterm(
    monkeypatch: pytest.MonkeyPatch, short_folder: str
) -> None:
    with stopped_when_ready(monkeypatch, short_folder) as heard:
        run_service(ProbeSettings, compose)
    assert heard == ["READY=1", "STOPPING=1"]


def test_a_background_loop_that_ends_ends_the_process() -> None:
    async def fragile(_settings: ProbeSettings, foundation: Foundation) -> Service:
        async def ends() -> None:
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
            raise LookupError("broken")

        return Service((), background=[ends], fetch_keys=TokenMint().fetch_keys)

    with pytest.raises(SystemExit) as ended:
        run_service(ProbeSettings, fragile)
    assert ended.value.code == EXIT_LOOP_ENDED


@pytest.mark.capability("D4")
def test_a_start_without_a_needed_setting_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ROOKERY_REGISTRY_DATABASE_URL")
    assert "database_url" in refused(capsys)


def test_a_start_without_its_database_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROOKERY_REGISTRY_DATABASE_URL", f"postgresql://x:y@{free_address()}/x")
    assert "DATABASE_UNAVAILABLE" in refused(capsys)


def test_a_start_without_its_bus_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROOKERY_REGISTRY_NATS_URL", f"nats://{free_address()}")
    assert "BUS_UNAVAILABLE" in refused(capsys)


def test_a_start_without_auth_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    async def asks_auth(_settings: ProbeSettings, _foundation: Foundation) -> Service:
        return Service(registrations=())

    line = refused(capsys, asks_auth)
    assert "SERVICE_UNAVAILABLE" in line
    assert "auth" in line


@pytest.mark.capability("D5")
def test_a_start_on_a_schema_of_another_revision_is_refused(
    fresh_database: FreshDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    with connect(fresh_database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE registry.alembic_version SET version_num = '0000'")
    assert "migrate it first" in refused(capsys)


@pytest.mark.parametrize("setting", ["LISTEN", "METRICS_LISTEN"])
def test_a_start_on_a_port_in_use_is_refused_by_name(setting: str, capsys: pytest.CaptureFixture[str]) -> None:
    address = os.environ[f"ROOKERY_REGISTRY_{setting}"]
    host, _, port = address.rpartition(":")
    with socket.create_server((host, int(port))):
        assert f"cannot listen on {address}" in refused(capsys)


def test_a_composition_may_refuse_with_a_reason_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    async def picky(_settings: ProbeSettings, _foundation: Foundation) -> Service:
        raise CannotStart("the master key\nis readable by others")

    assert refused(capsys, picky).endswith("the master key is readable by others")


def test_a_method_without_a_policy_keeps_a_service_from_starting(capsys: pytest.CaptureFixture[str]) -> None:
    async def careless(_settings: ProbeSettings, _foundation: Foundation) -> Service:
        registration = Registration(health_pb2_grpc.add_HealthServicer_to_server, health.aio.HealthServicer())
        return Service((registration,), fetch_keys=TokenMint().fetch_keys)

    assert "grpc.health.v1.Health/Check" in refused(capsys, careless)


def test_nobody_is_told_where_nobody_asked(monkeypatch: pytest.MonkeyPatch, short_folder: str) -> None:
    notify("READY=1", {})
    notify("READY=1", {"NOTIFY_SOCKET": f"{short_folder}/nobody"})
