import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from harness.mcp_servers.commands import WORKBENCH
from harness.sdk_agents import context_of, serving
from harness.suite import Suite
from rookery.registry.v1 import mcp_server_pb2, mcp_server_service_pb2
from rookery.tool_executor.v1 import tool_service_pb2
from rookery_sdk import Agent, Client, TaskContext, ToolError, decode


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"tool_executor": {"STDIO_ALLOWED_COMMANDS": f'["{sys.executable}"]'}}


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        await connected.servers.RegisterMcpServer(
            mcp_server_service_pb2.RegisterMcpServerRequest(
                name="bench", stdio=mcp_server_pb2.StdioTransport(command=sys.executable, args=[WORKBENCH, "stdio"])
            )
        )
        yield connected


@pytest.mark.capability("X1")
async def test_a_handler_calls_a_tool_and_gets_text_structure_or_the_tools_own_error(
    suite: Suite, client: Client
) -> None:
    agent = Agent("worker", context=context_of(suite))

    @agent.task("use")
    async def use(ctx: TaskContext, _input: object) -> list[object]:
        echoed = await ctx.call_tool("bench", "echo", text="hello")
        added = await ctx.call_tool("bench", "add", {"a": 1}, b=2)
        failed = await ctx.call_tool("bench", "fail", {"words": "no luck"}, timeout=5)
        return [echoed.text, added.structured, failed.is_error, failed.text]

    async with serving(agent):
        task = await client.wait((await client.create_task("use")).id, timeout=30)
        echoed, added, is_error, text = decode(task.output)
    assert (echoed, added, is_error) == ("hello", {"total": 3}, True)
    assert "fail" in text
    calls = await client.tools.ListExecutions(tool_service_pb2.ListExecutionsRequest(task_id=task.id))
    assert {call.tool for call in calls.executions} == {"echo", "add", "fail"}


@pytest.mark.capability("X10")
async def test_a_task_that_is_executed_again_does_not_repeat_its_tool_calls(
    suite: Suite, client: Client, tmp_path: Path
) -> None:
    agent = Agent("worker", context=context_of(suite))
    trace = tmp_path / "trace"

    @agent.task("count")
    async def count(ctx: TaskContext, _input: object) -> list[str]:
        counted = [(await ctx.call_tool("bench", "count", trace_file=str(trace))).text for _ in range(2)]
        if ctx.task.attempts == 1:
            raise OSError("fails after the effects")
        return counted

    async with serving(agent):
        task = await client.wait((await client.create_task("count")).id, timeout=30)
    assert (task.attempts, decode(task.output)) == (2, ["1", "2"])
    assert len(trace.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("server", "tool", "arguments", "reason"),
    [
        ("nowhere", "echo", {}, "MCP_SERVER_NOT_FOUND"),
        ("bench", "nothing", {}, "TOOL_NOT_FOUND"),
        ("bench", "echo", {"text": 5}, "TOOL_ARGUMENTS_INVALID"),
    ],
)
async def test_a_call_that_cannot_be_made_raises_an_error_with_its_reason(
    client: Client, server: str, tool: str, arguments: dict[str, object], reason: str
) -> None:
    with pytest.raises(ToolError) as caught:
        await client.call_tool(server, tool, arguments)
    assert (caught.value.server, caught.value.tool, caught.value.reason) == (server, tool, reason)


async def test_a_call_waits_for_an_executor_that_comes_back(suite: Suite, client: Client) -> None:
    agent = Agent("worker", context=context_of(suite))

    @agent.task("use")
    async def use(ctx: TaskContext, text: str) -> str:
        return (await ctx.call_tool("bench", "echo", text=text)).text

    async with serving(agent):
        await suite.kill("tool_executor")
        task = await client.create_task("use", "patience")
        await suite.start("tool_executor")
        ended = await client.wait(task.id, timeout=40)
    assert (decode(ended.output), ended.attempts) == ("patience", 1)
