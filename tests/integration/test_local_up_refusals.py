import socket
from contextlib import suppress

import pytest
from harness.free_ports import free_port
from harness.local_up import REFUSING, StartUp

pytestmark = pytest.mark.capability("D1")

SERVICES = ("auth", "registry", "orchestrator", "tool_executor")


async def test_a_second_one_on_the_same_data_is_refused_with_the_pid_of_the_first(up: StartUp) -> None:
    first = await up()
    await first.ready()
    code, errors = await (await up()).ended()
    assert code == 1
    assert errors.count("\n") == 1
    assert f"already running on {first.folder} (pid {first.process.pid})" in errors
    assert first.read("context")


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


async def test_a_nats_of_ones_own_that_is_not_there_is_named(up: StartUp) -> None:
    suite = await up(f"--nats-url=nats://127.0.0.1:{free_port()}")
    code, errors = await suite.ended()
    assert code == 1
    assert "NATS cannot be reached at 127.0.0.1" in errors
