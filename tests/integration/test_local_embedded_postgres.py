"""The embedded Postgres, as a real process."""

import asyncio
import os
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import psycopg
import pytest
from harness.eventually import eventually
from rookery_local.embedded_postgres import EmbeddedPostgres
from rookery_local.errors import CannotStart

pytestmark = pytest.mark.capability("D1")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server that has not been started yet, and that is gone afterwards."""
    server = EmbeddedPostgres(tmp_path / "pg", durable=False)
    yield server
    await server.kill()


async def run(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.admin_url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def write_row(server: EmbeddedPostgres) -> None:
    await run(server, "CREATE TABLE IF NOT EXISTS kept AS SELECT 1 AS one")


def pid_of(server: EmbeddedPostgres) -> int:
    assert server.pid is not None
    return server.pid


def sockets_below(folder: Path) -> list[Path]:
    return list(folder.rglob(".s.PGSQL*"))


def others_may_read(folder: Path) -> bool:
    return bool(stat.S_IMODE(folder.stat().st_mode) & (stat.S_IROTH | stat.S_IWOTH))


async def test_it_starts_from_nothing_and_both_drivers_reach_it(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    begun = time.monotonic()
    await server.start()
    try:
        # 0.7 s on an idle machine.
        assert time.monotonic() - begun < 10
        assert str(await run(server, "SHOW server_version")).startswith("18.")
        assert await run(server, "SHOW synchronous_commit") == "on"
        assert await run(server, "SHOW fsync") == "on"
        with psycopg.connect(server.admin_url) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("postgres",)
    finally:
        await server.stop()


async def test_what_was_committed_is_there_after_a_stop_and_a_start(server: EmbeddedPostgres) -> None:
    await server.start()
    await write_row(server)
    await server.stop()
    await server.start()
    assert await run(server, "SELECT one FROM kept") == 1


async def test_what_was_committed_is_there_after_a_kill(server: EmbeddedPostgres) -> None:
    await server.start()
    await write_row(server)
    await server.kill()
    await server.start()
    assert await run(server, "SELECT one FROM kept") == 1


async def test_it_starts_again_at_once_when_only_its_first_process_was_killed(server: EmbeddedPostgres) -> None:
    await server.start()
    await write_row(server)
    busy = await asyncpg.connect(server.admin_url)
    try:
        statement = asyncio.create_task(busy.execute("SELECT pg_sleep(60)"))
        await eventually(lambda: run(server, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
        os.kill(pid_of(server), signal.SIGKILL)
        assert await server.wait() == -signal.SIGKILL
        await server.start()
        assert await run(server, "SELECT one FROM kept") == 1
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await statement
    finally:
        busy.terminate()


async def test_a_login_needs_its_password_and_the_network_is_not_listened_on(server: EmbeddedPostgres) -> None:
    await server.start()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.url("postgres", "wrong"))
    assert [c for c in psutil.Process(pid_of(server)).net_connections("inet") if c.status == psutil.CONN_LISTEN] == []


async def test_a_stop_leaves_no_process_and_no_socket(server: EmbeddedPostgres, tmp_path: Path) -> None:
    await server.start()
    processes = [psutil.Process(pid_of(server)), *psutil.Process(pid_of(server)).children()]
    assert sockets_below(tmp_path)
    await server.stop()
    assert server.pid is None
    assert not any(process.is_running() for process in processes)
    assert not sockets_below(tmp_path)
    await server.stop()


async def test_files_are_private_and_folders_above_stay_unreadable_to_others(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    await server.start()
    assert not others_may_read(tmp_path)
    assert not others_may_read(tmp_path / "pg")
    assert stat.S_IMODE((tmp_path / "pg" / "superuser.password").stat().st_mode) == 0o600
    assert not (tmp_path / "pg" / "initdb.password").exists()


async def test_a_first_start_that_was_interrupted_begins_anew(server: EmbeddedPostgres, tmp_path: Path) -> None:
    starting = asyncio.create_task(server.start())
    await eventually((tmp_path / "pg" / "data.new" / "PG_VERSION").exists, every=0.001)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not (tmp_path / "pg" / "data").exists()
    assert not (tmp_path / "pg" / "initdb.password").exists()
    await server.start()
    await write_row(server)


async def test_a_folder_too_deep_for_sockets_works_too(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("deep" * 30), durable=False)
    await server.start()
    try:
        assert await run(server, "SELECT 1") == 1
    finally:
        await server.stop()


async def test_a_server_that_cannot_start_says_why(server: EmbeddedPostgres, tmp_path: Path) -> None:
    await server.start()
    await server.stop()
    (tmp_path / "pg" / "data" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(CannotStart, match=r"Postgres does not start: .*incompatible"):
        await server.start()
    assert server.pid is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems clean up at the next start")
async def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import asyncio, pathlib, sys, time\n"
        "from rookery_local.embedded_postgres import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), durable=False)\n"
        "asyncio.run(server.start())\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = (sys.executable, "-c", program, str(tmp_path / "pg"))
    starter = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert starter.stdout is not None
    root = psutil.Process(int(await starter.stdout.readline()))
    processes = [root, *root.children()]
    starter.kill()
    await starter.wait()
    await eventually(lambda: not any(map(is_alive, processes)))


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
