import asyncio
import json
import signal
from pathlib import Path

import pytest
from harness.command_line import CommandLine, write_context
from harness.suite import Suite


@pytest.mark.capability("D3")
async def test_status_tells_the_health_of_every_service_and_fails_unless_all_serve(
    suite: Suite, tmp_path: Path
) -> None:
    rookery = CommandLine(tmp_path, write_context(suite))
    well = await rookery("status", "--json")
    assert (well.code, well.json["serving"]) == (0, True)
    assert {part["name"]: part["health"] for part in well.json["parts"]} == dict.fromkeys(
        ("auth", "registry", "orchestrator", "tool_executor"), "SERVING"
    )
    await suite.kill("registry")
    ill = await rookery("status")
    assert ill.code == 1
    assert ill.err.startswith("error: not everything is up: registry is UNREACHABLE (NOT_SERVING)\nhint: ")
    assert "UNREACHABLE" in ill.out


@pytest.mark.capability("D1")
async def test_up_starts_a_suite_that_the_other_commands_find_by_themselves(tmp_path: Path) -> None:
    rookery = CommandLine(tmp_path)
    up = await rookery.begin("up", "--free-ports", "--quiet")
    try:
        assert up.stdout is not None
        assert (await asyncio.wait_for(up.stdout.readline(), 60)).startswith(b"READY")
        status = (await rookery("status", "--json")).json
        assert status["serving"] is True
        processes = {part["name"]: part["pid"] for part in status["parts"]}
        assert processes.keys() == {"postgres", "nats", "auth", "registry", "orchestrator", "tool_executor"}
        assert all(processes.values())
        assert len((await rookery("status")).lines) == 7
        assert (await rookery("tasks", "list", "--json")).json == {"tasks": [], "more": False}
        second = await rookery("up", "--free-ports")
        assert second.code == 1
        assert "already running" in second.err
    finally:
        up.send_signal(signal.SIGINT)
        await asyncio.wait_for(up.communicate(), 30)
    assert up.returncode == 0
    assert (await rookery("status")).err.startswith("error: the suite is not running")


async def test_a_status_left_behind_by_a_suite_that_is_gone_is_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / ".rookery"
    folder.mkdir()
    ended = await asyncio.create_subprocess_exec("true")
    await ended.wait()
    (folder / "status.json").write_text(json.dumps({"up": {"pid": ended.pid}, "auth": {"state": "serving"}}))
    status = await CommandLine(tmp_path)("status")
    assert status.code == 1
    assert status.err.startswith("error: the suite is not running")
