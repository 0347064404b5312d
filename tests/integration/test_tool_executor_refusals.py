import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.mcp_servers.commands import WORKBENCH
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tokens import Bearer, TokenMint
from harness.tool_executor_service import ToolExecutor, running_tool_executor
from rookery.registry.v1 import mcp_server_pb2
from rookery.tool_executor.v1 import tool_pb2, tool_service_pb2
from rookery_tool_executor.settings import AllowedCommandSettings


@pytest.fixture
async def executor(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[ToolExecutor]:
    allowed = (AllowedCommandSettings(command=sys.executable, args_prefix=(WORKBENCH,)),)
    settings = {"stdio_allowed_commands": allowed, "http_allowed_networks": ()}
    async with running_tool_executor(fresh_database, nats_server, TokenMint(), **settings) as running:
        yield running


@pytest.mark.capability("X3")
async def test_a_call_that_cannot_be_made_is_refused_with_its_reason_and_recorded(executor: ToolExecutor) -> None:
    await executor.register_stdio("bench")
    stdio = mcp_server_pb2.StdioTransport(command=sys.executable, args=(WORKBENCH, "stdio"))
    await executor.register("off", "default", stdio=stdio, disabled=True)

    missing = await refusal(executor.call("nowhere", "add"))
    assert (missing.code, missing.reason) == (grpc.StatusCode.NOT_FOUND, "MCP_SERVER_NOT_FOUND")

    unknown = await refusal(executor.call("bench", "subtract"))
    assert (unknown.code, unknown.reason) == (grpc.StatusCode.NOT_FOUND, "TOOL_NOT_FOUND")

    off = await refusal(executor.call("off", "add"))
    assert (off.code, off.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MCP_SERVER_DISABLED")

    invalid = await refusal(executor.call("bench", "add", {"a": "one", "more": [1]}))
    assert (invalid.code, invalid.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "TOOL_ARGUMENTS_INVALID")
    assert invalid.fields == ("arguments.a", "arguments") or invalid.fields == ("arguments", "arguments.a")

    recorded = await executor.executions()
    assert {(entry.tool, entry.error_reason) for entry in recorded} == {
        ("add", "MCP_SERVER_NOT_FOUND"),
        ("subtract", "TOOL_NOT_FOUND"),
        ("add", "MCP_SERVER_DISABLED"),
        ("add", "TOOL_ARGUMENTS_INVALID"),
    }
    assert all(entry.state == tool_pb2.EXECUTION_STATE_FAILED for entry in recorded)


@pytest.mark.capability("X3")
async def test_a_request_that_breaks_its_rules_is_refused_with_the_path(executor: ToolExecutor) -> None:
    for arguments in (b"[]", b"{", b"\xff"):
        refused = await refusal(executor.call("bench", "add", arguments))
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "TOOL_ARGUMENTS_INVALID")
        assert refused.fields == ("arguments",)
    for fields, path in (
        ({"server": ""}, "server"),
        ({"tool": ""}, "tool"),
        ({"request_id": "not-a-uuid"}, "request_id"),
        ({"task_id": "not-a-uuid"}, "task_id"),
    ):
        request = tool_service_pb2.CallToolRequest(**{"server": "bench", "tool": "add", **fields})  # type: ignore[arg-type]
        refused = await refusal(executor.tools.CallTool(request, metadata=executor.admin()))
        assert (refused.code, refused.fields) == (grpc.StatusCode.INVALID_ARGUMENT, (path,))
    big = tool_service_pb2.CallToolRequest(server="bench", tool="echo", arguments=b" " * 5_000_000)
    refused = await refusal(executor.tools.CallTool(big, metadata=executor.admin()))
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
    stray = tool_service_pb2.ListExecutionsRequest(page_token="stray")
    assert (
        await refusal(executor.tools.ListExecutions(stray, metadata=executor.admin()))
    ).reason == "INVALID_PAGE_TOKEN"


@pytest.mark.capability("A5")
async def test_each_method_demands_its_own_permission(executor: ToolExecutor) -> None:
    mint = executor.registry.mint
    calls: dict[str, Callable[[Bearer | None], Awaitable[object]]] = {
        "tools:read": lambda metadata: executor.tools.ListTools(tool_service_pb2.ListToolsRequest(), metadata=metadata),
        "tools:call": lambda metadata: executor.tools.CallTool(
            tool_service_pb2.CallToolRequest(server="bench", tool="add"), metadata=metadata
        ),
        "executions:read": lambda metadata: executor.tools.ListExecutions(
            tool_service_pb2.ListExecutionsRequest(), metadata=metadata
        ),
    }
    for permission, call in calls.items():
        assert (await refusal(call(None))).reason == "TOKEN_MISSING"
        others = tuple(calls.keys() - {permission})
        refused = await refusal(call(mint.bearer(permissions=others)))
        assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
        assert refused.metadata["permission"] == permission


@pytest.mark.capability("A6")
async def test_a_server_of_another_tenant_does_not_exist(executor: ToolExecutor) -> None:
    await executor.register_stdio("bench", tenant="blue")
    for _ in range(2):
        assert (await refusal(executor.call("bench", "add"))).reason == "MCP_SERVER_NOT_FOUND"
        execution = await executor.call("bench", "add", {"a": 1, "b": 1}, metadata=executor.admin("blue"))
        assert json.loads(execution.structured_content) == {"total": 2}
    assert not (await executor.list_tools()).tools


@pytest.mark.capability("X9")
async def test_a_command_outside_the_allow_list_is_refused_before_anything_is_started(
    executor: ToolExecutor, tmp_path: Path
) -> None:
    trace = tmp_path / "started"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {trace}\n", encoding="utf-8")
    program.chmod(0o755)
    await executor.register_stdio("foreign", "x", command=str(program))
    await executor.register_stdio("script", "-c", f"open({str(trace)!r}, 'w')")
    await executor.register_stdio("preload", env={"LD_PRELOAD": "evil.so"})
    for name in ("foreign", "script", "preload"):
        refused = await refusal(executor.call(name, "add"))
        assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "COMMAND_NOT_ALLOWED")
        listed = await refusal(executor.list_tools(name))
        assert listed.reason == "COMMAND_NOT_ALLOWED"
    assert {entry.error_reason for entry in await executor.executions()} == {"COMMAND_NOT_ALLOWED"}
    assert not trace.exists()


@pytest.mark.capability("X9")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "2130706433", "0x7f.1"])
async def test_an_endpoint_that_is_not_public_is_refused(executor: ToolExecutor, host: str) -> None:
    await executor.register_http("inside", f"http://{host}:9/mcp")
    refused = await refusal(executor.call("inside", "add"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ENDPOINT_NOT_ALLOWED")


@pytest.mark.capability("X1")
async def test_a_server_that_cannot_start_is_unavailable_with_its_last_words(executor: ToolExecutor) -> None:
    await executor.register_stdio("broken", WORKBENCH, "no-such-transport")
    refused = await refusal(executor.call("broken", "add"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "MCP_SERVER_UNAVAILABLE")
    assert "IndexError" in refused.message
    assert "status 1" in refused.message
