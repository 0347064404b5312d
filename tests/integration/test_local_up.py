"""`rookery up` as a process, with real servers and stand-ins for the services."""

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import nats
import psutil
import pytest
from harness.eventually import eventually
from harness.free_ports import free_port
from rookery_local.embedded_nats import EmbeddedNats
from rookery_local.embedded_postgres import EmbeddedPostgres

pytestmark = pytest.mark.capability("D1")

SERVICES = ("auth", "registry", "orchestrator", "tool_executor")
SERVICE = """
import json, os, signal, socket, sys
prefix = "ROOKERY_" + sys.argv[1].upper() + "_"
print(json.dumps({name.removeprefix(prefix): value for name, value in os.environ.items()}), flush=True)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    signal.pause()
"""
REFUSING = "import sys; sys.exit('rookery-registry: cannot start: the schema is behind')"
STUBBORN = SERVICE.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
SILENT = SERVICE.replace("notify.sendto", "str")
UP = """
import json, sys
from rookery_local.options import parse
from rookery_local.suite import Programs
from rookery_local.up import run
services, migrate = json.loads(sys.argv[1])
sys.exit(run(parse(sys.argv[2:]), Programs({name: tuple(c) for name, c in services.items()}, tuple(migrate))))
"""


class Up:
    """One `rookery up` on `folder`; what it prints is collected."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.lines: list[str] = []

    async def ready(self) -> str:
        """The line READY."""
        assert self.process.stdout is not None
        while line := (await asyncio.wait_for(self.process.stdout.readline(), 60)).decode():
            self.lines.append(line)
            if line.startswith("READY"):
                return line
        assert self.process.stderr is not None
        raise AssertionError("".join(self.lines) + (await self.process.stderr.read()).decode())

    async def ended(self) -> tuple[int, str]:
        """The exit code and what was written to standard error."""
        output, errors = await asyncio.wait_for(self.process.communicate(), 30)
        self.lines += output.decode().splitlines()
        assert self.process.returncode is not None
        return self.process.returncode, errors.decode()

    def read(self, name: str) -> dict[str, Any]:
        """`context` or `status` as they are now."""
        content: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return content

    def pid(self, part: str) -> int:
        """The process of a part."""
        return int(self.read("status")[part]["pid"])

    def below(self) -> list[psutil.Process]:
        """All processes that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def environment(self, service: str) -> dict[str, str]:
        """What the stand-in of the service was given."""
        content: dict[str, str] = json.loads((self.folder / "logs" / f"{service}.log").read_text().splitlines()[-1])
        return content


StartUp = Callable[..., Any]


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[StartUp]:
    """Starts `rookery up` on free ports; `programs` replaces the programs of single services."""
    started: list[Up] = []

    async def start(
        *options: str, folder: Path = tmp_path / "data", migrate: str = "", free_ports: bool = True, **programs: str
    ) -> Up:
        commands = {name: (sys.executable, "-S", "-c", programs.get(name, SERVICE), name) for name in SERVICES}
        given = json.dumps([commands, (sys.executable, "-S", "-c", migrate)])
        ports = ("--free-ports",) if free_ports else ()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", UP, given, f"--data-dir={folder}", *ports, *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
        )
        started.append(Up(process, folder))
        return started[-1]

    yield start
    for one in started:
        with suppress(ProcessLookupError):
            one.process.kill()
        await one.process.communicate()


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def none_alive(processes: list[psutil.Process]) -> bool:
    return not any(map(is_alive, processes))


def private(file: Path) -> bool:
    return stat.S_IMODE(file.stat().st_mode) == 0o600


def files_below(folder: Path, kind: Callable[[Path], bool]) -> list[Path]:
    return [path for path in folder.rglob("*") if kind(path)]


async def test_ready_comes_after_the_context_and_everything_in_it_is_reached(up: StartUp) -> None:
    suite = await up()
    line = await suite.ready()
    context, status = suite.read("context"), suite.read("status")
    assert set(context) == {*SERVICES, "gateway", "nats", "postgres", "credential"}
    assert context["gateway"] is None
    assert all(f"{name} {context[name]}" in line for name in SERVICES)
    assert private(suite.folder / "context.json")
    assert private(suite.folder / "status.json")
    assert {name: part["state"] for name, part in status.items() if name != "up"} == dict.fromkeys(
        ("postgres", "nats", *SERVICES), "serving"
    )
    assert status["up"]["pid"] == suite.process.pid
    connection = await asyncpg.connect(context["postgres"])
    await connection.close()
    client = await nats.connect(context["nats"])
    await client.jetstream().account_info()
    await client.close()


async def test_services_are_told_their_neighbours_and_logins(up: StartUp, tmp_path: Path) -> None:
    (tmp_path / "rookery.yaml").touch()
    suite = await up("--log-level=warning")
    await suite.ready()
    context = suite.read("context")
    executor, auth = suite.environment("tool_executor"), suite.environment("auth")
    assert executor["LISTEN"] == context["tool_executor"]
    assert (executor["AUTH_ADDRESS"], executor["REGISTRY_ADDRESS"]) == (context["auth"], context["registry"])
    assert executor["LOG_LEVEL"] == "warning"
    assert executor["ROOKERY_CONFIG"] == str(tmp_path / "rookery.yaml")
    assert executor["DATABASE_URL"].startswith("postgresql://rookery_tool_executor:")
    assert auth["BOOTSTRAP_CREDENTIAL_FILE"] == context["credential"]
    assert private(Path(auth["MASTER_KEY_FILE"]))
    client = await nats.connect(executor["NATS_URL"])
    await client.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_request_to_stop_leaves_no_process_no_socket_and_no_context(up: StartUp, number: int) -> None:
    suite = await up()
    await suite.ready()
    below = suite.below()
    assert len(below) >= 10
    suite.process.send_signal(number)
    assert await suite.ended() == (0, "")
    assert none_alive(below)
    assert files_below(suite.folder, Path.is_socket) == []
    assert not (suite.folder / "context.json").exists()
    assert not (suite.folder / "status.json").exists()
    stops = [line.split()[1] for line in suite.lines if line.endswith(": stopped")]
    assert stops[-2:] == ["nats:", "postgres:"]


async def test_a_request_to_stop_in_the_middle_of_the_start_leaves_nothing_either(up: StartUp) -> None:
    suite = await up(registry=SILENT)
    await eventually((suite.folder / "logs" / "registry.log").exists, within=30)
    below = suite.below()
    suite.process.send_signal(signal.SIGINT)
    assert await suite.ended() == (0, "")
    assert none_alive(below)
    assert not any(line.startswith("READY") for line in suite.lines)


async def test_a_second_request_kills_what_does_not_stop(up: StartUp) -> None:
    suite = await up(auth=STUBBORN)
    await suite.ready()
    below = suite.below()
    suite.process.send_signal(signal.SIGINT)
    await eventually(lambda: suite.read("status")["registry"]["state"] == "stopped")
    suite.process.send_signal(signal.SIGINT)
    assert await suite.ended() == (1, "rookery up: stopped at once\n")
    assert none_alive(below)
    assert files_below(suite.folder, Path.is_socket) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start cleans up, which the next test shows")
async def test_a_killed_one_leaves_no_process(up: StartUp) -> None:
    suite = await up()
    await suite.ready()
    below = suite.below()
    suite.process.kill()
    await eventually(lambda: none_alive(below))


async def test_after_a_kill_the_next_start_serves_again_with_the_data_kept(up: StartUp) -> None:
    first = await up()
    await first.ready()
    connection = await asyncpg.connect(first.read("context")["postgres"])
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS seven")
    await connection.close()
    key = (first.folder / "master.key").read_text()
    first.process.kill()
    await first.process.wait()
    second = await up()
    await second.ready()
    connection = await asyncpg.connect(second.read("context")["postgres"])
    assert await connection.fetchval("SELECT seven FROM kept") == 7
    await connection.close()
    assert (second.folder / "master.key").read_text() == key


async def test_a_second_one_on_the_same_data_is_refused_with_the_pid_of_the_first(up: StartUp) -> None:
    first = await up()
    await first.ready()
    code, errors = await (await up()).ended()
    assert code == 1
    assert errors.count("\n") == 1
    assert f"already running on {first.folder} (pid {first.process.pid})" in errors
    assert first.read("context")


async def test_every_part_that_is_killed_comes_back_where_it_was(up: StartUp) -> None:
    suite = await up()
    await suite.ready()
    context, before = suite.read("context"), suite.read("status")
    parts = ("postgres", "nats", *SERVICES)
    for part in parts:
        os.kill(suite.pid(part), signal.SIGKILL)

    def all_back() -> bool:
        now = suite.read("status")
        return all(
            now[part]["state"] == "serving" and now[part]["restarts"] == 1 and now[part]["pid"] != before[part]["pid"]
            for part in parts
        )

    await eventually(all_back, within=30)
    assert suite.read("context") == context
    assert suite.read("status")["nats"]["port"] == before["nats"]["port"]
    connection = await asyncpg.connect(context["postgres"])
    await connection.close()


async def test_a_service_that_cannot_start_ends_the_start_with_its_reason(up: StartUp) -> None:
    suite = await up(registry=REFUSING)
    assert await suite.ended() == (1, "rookery up: registry: the schema is behind\n")
    assert not (suite.folder / "context.json").exists()
    assert list((suite.folder / "pids").iterdir()) == []


async def test_schemas_that_cannot_be_migrated_end_the_start_with_the_reason(up: StartUp) -> None:
    suite = await up(migrate="import sys; sys.exit('rookery-migrate: permission denied to create role')")
    reason = "the schemas cannot be migrated: permission denied to create role"
    assert await suite.ended() == (1, f"rookery up: {reason}\n")
    assert not (suite.folder / "logs" / "auth.log").exists()


async def test_a_standard_port_in_use_is_named_before_anything_starts(up: StartUp) -> None:
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # When another suite runs here already, its port serves as well.
        with suppress(OSError):
            holder.bind(("127.0.0.1", 7103))
            holder.listen()
        suite = await up(free_ports=False)
        code, errors = await suite.ended()
    assert code == 1
    assert "7103 (orchestrator)" in errors
    assert "--free-ports" in errors
    assert not (suite.folder / "postgres").exists()


async def test_servers_of_ones_own_take_the_place_of_the_embedded_ones(up: StartUp, tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "own-pg", durable=False)
    own_nats = EmbeddedNats(tmp_path / "own-nats", port=free_port(), users={"mine": "secret"})
    try:
        await asyncio.gather(postgres.start(), own_nats.start())
        suite = await up(f"--postgres-url={postgres.admin_url}", f"--nats-url={own_nats.url('mine')}")
        await suite.ready()
        assert set(suite.read("status")) == {"up", *SERVICES}
        assert suite.read("context")["postgres"] == postgres.admin_url
        assert suite.environment("registry")["NATS_URL"] == own_nats.url("mine")
        assert suite.environment("registry")["DATABASE_URL"].endswith(postgres.admin_url.partition("@")[2])
        suite.process.send_signal(signal.SIGINT)
        assert await suite.ended() == (0, "")
        assert postgres.pid is not None
        assert own_nats.pid is not None
    finally:
        await postgres.stop()
        await own_nats.stop()


async def test_a_nats_of_ones_own_that_is_not_there_is_named(up: StartUp) -> None:
    suite = await up(f"--nats-url=nats://127.0.0.1:{free_port()}")
    code, errors = await suite.ended()
    assert code == 1
    assert "NATS cannot be reached at 127.0.0.1" in errors


async def test_a_quiet_one_prints_ready_and_problems_only(up: StartUp) -> None:
    suite = await up("--quiet")
    await suite.ready()
    os.kill(suite.pid("auth"), signal.SIGKILL)
    await eventually(lambda: suite.read("status")["auth"]["restarts"] == 1)
    suite.process.send_signal(signal.SIGINT)
    await suite.ended()
    ready, problem = (line.strip() for line in suite.lines)
    assert ready.startswith("READY in ")
    assert problem.endswith("auth: ended by SIGKILL; it is started again")


async def test_the_runner_itself_stays_small(up: StartUp) -> None:
    suite = await up()
    await suite.ready()
    assert psutil.Process(suite.process.pid).memory_info().rss < 40 * 1024 * 1024
