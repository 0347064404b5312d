import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from harness.command_line import CommandLine, write_context
from harness.eventually import eventually
from harness.sdk_agents import context_of, online, serving
from harness.suite import Suite
from rookery_sdk import Agent, Client, TaskContext


@pytest.fixture
def rookery(suite: Suite, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, write_context(suite))


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


def idle(suite: Suite, name: str) -> Agent:
    agent = Agent(name, context=context_of(suite))

    @agent.task("idle")
    async def rest(_ctx: TaskContext, _input: object) -> None: ...

    return agent


async def line_of(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    document: dict[str, Any] = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
    return document


@pytest.mark.capability("R9")
@pytest.mark.capability("G6")
async def test_agents_are_watched_over_a_restart_of_the_registry(
    suite: Suite, client: Client, rookery: CommandLine
) -> None:
    async with serving(idle(suite, "ada")):
        await online(client, "ada")
        process = await rookery.begin("agents", "watch", "--json")
        try:
            first = await line_of(process)
            assert (first["kind"], first["agent"]["name"], first["agent"]["status"]) == ("PRESENT", "ada", "ONLINE")
            # With a change the snapshot is over: one that is cut off would be told again.
            async with serving(idle(suite, "cyd")):
                assert (await line_of(process))["kind"] == "REGISTERED"
            assert (await line_of(process))["kind"] == "OFFLINE"
            await suite.stop("registry")
            await suite.start("registry")
            async with serving(idle(suite, "ben")):
                second = await line_of(process)
                assert (second["kind"], second["agent"]["name"]) == ("REGISTERED", "ben")
            third = await line_of(process)
            assert (third["kind"], third["agent"]["name"]) == ("OFFLINE", "ben")
            assert third["revision"] > second["revision"] > 0
        finally:
            process.kill()
            await process.communicate()


@pytest.mark.capability("R2")
@pytest.mark.capability("G6")
async def test_the_health_of_an_agent_is_listed(suite: Suite, client: Client, rookery: CommandLine) -> None:
    async with serving(idle(suite, "ada")):
        agent_id = (await online(client, "ada")).id

        async def is_listed() -> list[dict[str, Any]]:
            reports: list[dict[str, Any]] = (await rookery("agents", "health", "ada", "--json")).json["reports"]
            return reports

        (report,) = await eventually(is_listed, within=30)
        assert report["sample_count"] == 1
        assert report["mean"]["memory_bytes"] > 10_000_000
        table = (await rookery("agents", "health", "ada", "--every", "0")).lines
    assert table[0].split()[:3] == ["TIME", "REPORTS", "HANDLED"]
    assert len(table) == 2
    assert (await rookery("agents", "deregister", "ada", "--yes")).code == 0
    for gone in ("ada", agent_id[:13], "00000000-0000-7000-8000-000000000000"):
        refused = await rookery("agents", "health", gone)
        assert refused.code == 1
        assert refused.err.startswith("error: there is no agent ")
        assert "(AGENT_NOT_FOUND)\nhint: " in refused.err
    kept = await rookery("agents", "health", agent_id, "--every", "0", "--json")
    assert [report["sample_count"] for report in kept.json["reports"]] == [1]
