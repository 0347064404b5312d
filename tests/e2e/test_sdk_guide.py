"""The guide for agent authors, docs/agents.md, says what is so: its programs are run as they stand there."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from harness.command_line import write_context
from harness.mcp_servers.commands import WORKBENCH
from harness.repository import ROOT
from harness.sdk_agents import agent_process, context_of, online
from harness.suite import Suite
from rookery.orchestrator.v1 import task_pb2
from rookery.registry.v1 import mcp_server_pb2, mcp_server_service_pb2
from rookery_sdk import Client, decode

BLOCK = re.compile(r"^```python (?P<what>.*?)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> Iterator[tuple[str, str]]:
    text = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    assert text.count("```python") == len(BLOCK.findall(text)), "a block does not say what it is"
    yield from ((found["what"], found["code"]) for found in BLOCK.finditer(text))


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"tool_executor": {"STDIO_ALLOWED_COMMANDS": f'["{sys.executable}"]'}}


@pytest.fixture
def context(suite: Suite) -> Path:
    return write_context(suite)


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


@pytest.fixture
async def agents(suite: Suite, context: Path, client: Client) -> AsyncIterator[None]:
    """Every agent of the guide, at work."""
    async with AsyncExitStack() as running:
        for what, code in blocks():
            if what.startswith("agent="):
                name = what.removeprefix("agent=")
                program = suite.folder / f"{name}.py"
                program.write_text(code)
                await running.enter_async_context(agent_process(program, context))
                await online(client, name)
        yield


@pytest.mark.capability("G5")
async def test_the_programs_of_the_guide_do_what_it_says(
    suite: Suite, context: Path, client: Client, agents: None
) -> None:
    async def outcome(capability: str, given: object) -> task_pb2.Task:
        return await client.wait((await client.create_task(capability, given)).id, timeout=30)

    stdio = mcp_server_pb2.StdioTransport(command=sys.executable, args=[WORKBENCH, "stdio"])
    await client.servers.RegisterMcpServer(mcp_server_service_pb2.RegisterMcpServerRequest(name="bench", stdio=stdio))
    assert decode((await outcome("summarise", "Rooks nest. They do.")).output) == {"summary": "Rooks nest."}
    assert decode((await outcome("count-words", "a b c")).output) == {"words": 3, "attempt": 1}
    assert (await outcome("count-words", {})).state == task_pb2.TASK_STATE_REJECTED
    assert decode((await outcome("line", {"text": "a\nb", "number": 1})).output) == "b"
    assert (await outcome("line", {"text": "a\nb", "number": 2})).error.reason == "NO_SUCH_LINE"
    assert decode((await outcome("digest", ["A. B.", "C. D."])).output) == ["A.", "C."]
    assert decode((await outcome("add-up", [1, 2, 3])).output) == 6
    assert decode((await outcome("read", "Tales")).output) in {"Once upon a time", None}
    for what, code in blocks():
        if what == "program":
            assert await output_of(code, context) == ["One.", "NOT_FOUND RECIPIENT_NOT_FOUND"]


async def output_of(code: str, context: Path) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), env={"ROOKERY_CONTEXT": str(context)}, stdout=asyncio.subprocess.PIPE
    )
    written, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    return written.decode().splitlines()
