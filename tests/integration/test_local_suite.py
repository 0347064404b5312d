"""`rookery up` with the real services."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from harness.eventually import eventually

pytestmark = pytest.mark.capability("D1")

SERVICES = ("auth", "registry", "orchestrator", "tool_executor")


class Suite:
    """A running suite and its files."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder

    def address(self, service: str) -> str:
        return str(json.loads((self.folder / "context.json").read_text())[service])

    def pid(self, part: str) -> int:
        return int(json.loads((self.folder / "status.json").read_text())[part]["pid"])

    async def all_serving(self) -> bool:
        return all([await is_serving(self.address(service)) for service in SERVICES])


async def is_serving(address: str) -> bool:
    async with grpc.aio.insecure_channel(address) as channel:
        # The types of the stub do not name its methods.
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def start(folder: Path) -> Suite:
    command = (sys.executable, "-P", "-m", "rookery_local", f"--data-dir={folder}", "--free-ports", "--quiet")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=folder.parent)
    assert process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), 60)).startswith(b"READY in ")
    return Suite(process, folder)


async def stop(suite: Suite) -> int:
    suite.process.send_signal(signal.SIGINT)
    await asyncio.wait_for(suite.process.communicate(), 30)
    assert suite.process.returncode is not None
    return suite.process.returncode


@pytest.fixture
async def suite(tmp_path: Path) -> AsyncIterator[Suite]:
    """The suite on free ports, begun from nothing."""
    suite = await start(tmp_path / "data")
    yield suite
    if suite.process.returncode is None:
        suite.process.kill()
        await suite.process.communicate()


async def test_it_serves_stops_whole_and_starts_again_on_what_it_kept(suite: Suite) -> None:
    assert await suite.all_serving()
    credential = (suite.folder / "admin.credential").read_text()
    below = psutil.Process(suite.process.pid).children(recursive=True)
    assert await stop(suite) == 0
    assert not any(process.is_running() for process in below)
    again = await start(suite.folder)
    try:
        assert await again.all_serving()
        assert (suite.folder / "admin.credential").read_text() == credential
    finally:
        assert await stop(again) == 0


async def test_it_serves_again_after_each_part_was_killed(suite: Suite) -> None:
    for victims in (("orchestrator", "tool_executor", "nats"), ("postgres", "auth", "registry")):
        for part in victims:
            os.kill(suite.pid(part), signal.SIGKILL)
        await eventually(partial(restarted, suite, victims), within=30)
        await eventually(suite.all_serving, within=30)


def restarted(suite: Suite, parts: tuple[str, ...]) -> bool:
    status = json.loads((suite.folder / "status.json").read_text())
    return all(status[part]["restarts"] == 1 and status[part]["state"] == "serving" for part in parts)
