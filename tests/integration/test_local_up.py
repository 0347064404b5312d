import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest
from harness.eventually import eventually
from harness.free_ports import free_port
from harness.local_up import SILENT, STUBBORN, StartUp, files_below, none_alive, private
from rookery_local.embedded_nats import EmbeddedNats
from rookery_local.embedded_postgres import EmbeddedPostgres

pytestmark = pytest.mark.capability("D1")

SERVICES = ("auth", "registry", "orchestrator", "tool_executor")


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
