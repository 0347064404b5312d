import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mcp_servers.commands import HANDSHAKE_ONLY, http_server
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tokens import TokenMint
from harness.tool_executor_service import ToolExecutor, running_tool_executor, text_of
from rookery.tool_executor.v1 import tool_pb2


@pytest.fixture
async def executor(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[ToolExecutor]:
    async with running_tool_executor(fresh_database, nats_server, TokenMint()) as running:
        yield running


@pytest.mark.capability("X1")
@pytest.mark.capability("X5")
async def test_a_stdio_tool_answers_and_the_call_is_on_record(executor: ToolExecutor) -> None:
    await executor.register_stdio("bench")
    task = str(uuid4())
    execution = await executor.call("bench", "add", {"a": 2, "b": 3}, task_id=task)
    assert execution.state == tool_pb2.EXECUTION_STATE_SUCCEEDED
    assert json.loads(execution.structured_content) == {"total": 5}
    assert timedelta(0) < execution.duration.ToTimedelta() < timedelta(seconds=20)
    assert (execution.subject, execution.task_id, execution.server, execution.tool) == (
        "user:admin",
        task,
        "bench",
        "add",
    )
    assert json.loads(execution.arguments) == {"a": 2, "b": 3}
    assert await executor.executions() == [execution]
    assert await executor.executions(task_id=task, server="bench") == [execution]
    assert await executor.executions(server="other") == []
    assert await executor.executions(tenant="elsewhere") == []


@pytest.mark.capability("X1")
async def test_an_http_tool_answers_also_after_its_server_was_away(executor: ToolExecutor, tmp_path: Path) -> None:
    async with http_server() as server:
        await executor.register_http("web", server.url)
        assert await executor.text("web", "echo", {"text": "hello"}) == "hello"
        slow = asyncio.create_task(
            refusal(executor.call("web", "count", {"trace_file": str(tmp_path / "trace"), "seconds": 30}))
        )
        await eventually((tmp_path / "trace").exists)
        await server.kill()
        assert (await slow).reason == "MCP_SERVER_UNAVAILABLE"
        away = await refusal(executor.call("web", "echo", {"text": "anybody?"}))
        assert (away.code, away.reason) == (grpc.StatusCode.UNAVAILABLE, "MCP_SERVER_UNAVAILABLE")
        await server.start()
        assert await executor.text("web", "echo", {"text": "again"}) == "again"


@pytest.mark.capability("X1")
async def test_a_session_that_an_http_server_has_forgotten_is_opened_anew(executor: ToolExecutor) -> None:
    async with http_server(HANDSHAKE_ONLY) as server:
        await executor.register_http("old", server.url)
        assert await executor.text("old", "revision") == "revision 2025-11-25"
        await server.kill()
        await server.start()
        assert await executor.text("old", "revision") == "revision 2025-11-25"


@pytest.mark.capability("X1")
async def test_a_server_of_the_earlier_revision_answers_all_kinds_of_content(executor: ToolExecutor) -> None:
    await executor.register_stdio("old", HANDSHAKE_ONLY)
    assert await executor.text("old", "revision") == "revision 2025-11-25"
    picture = await executor.call("old", "picture")
    assert picture.content[0].blob == tool_pb2.Blob(content_type="image/png", data=b"hello")
    assert picture.content[1].resource_uri == "file:///picture.png"
    for tool, words in (("lie", "structured content"), ("broken_picture", "base64")):
        broken = await refusal(executor.call("old", tool))
        assert (broken.code, broken.reason) == (grpc.StatusCode.UNAVAILABLE, "MCP_SERVER_UNAVAILABLE")
        assert words in broken.message
    assert (await refusal(executor.call("old", "far_schema", {"a": 1}))).reason == "MCP_SERVER_UNAVAILABLE"
    assert [entry.tool for entry in await executor.executions()] == [
        *("far_schema", "broken_picture", "lie", "picture", "revision")
    ]


@pytest.mark.capability("X3")
async def test_a_tools_own_failure_is_its_answer(executor: ToolExecutor) -> None:
    await executor.register_stdio("bench")
    for tool in ("fail", "refuse"):
        execution = await executor.call("bench", tool, {"words": "no luck"})
        assert execution.is_error
        assert execution.state == tool_pb2.EXECUTION_STATE_FAILED
        assert execution.error_reason == ""
        assert text_of(execution)


@pytest.mark.capability("X3")
async def test_a_tool_that_takes_too_long_is_told_to_stop(executor: ToolExecutor, tmp_path: Path) -> None:
    await executor.register_stdio("bench")
    pid = await executor.text("bench", "process_id")
    trace = tmp_path / "cancelled"
    arguments = {"seconds": 60, "cancelled_file": str(trace)}
    late = await refusal(executor.call("bench", "sleep", arguments, tool_timeout=0.3))
    assert (late.code, late.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "TOOL_TIMEOUT")
    await eventually(trace.exists)
    (recorded,) = await executor.executions(page_size=1)
    assert recorded.state == tool_pb2.EXECUTION_STATE_FAILED
    assert recorded.error_reason == "TOOL_TIMEOUT"
    # The caller's own deadline cuts the tool's time shorter, with the same reason.
    assert (await refusal(executor.call("bench", "sleep", arguments, deadline=1))).reason == "TOOL_TIMEOUT"
    assert await executor.text("bench", "process_id") == pid


@pytest.mark.capability("X3")
async def test_a_caller_that_goes_away_cancels_the_tool(executor: ToolExecutor, tmp_path: Path) -> None:
    await executor.register_stdio("bench")
    await executor.text("bench", "process_id")
    trace = tmp_path / "cancelled"
    call = asyncio.create_task(executor.call("bench", "sleep", {"seconds": 60, "cancelled_file": str(trace)}))
    await eventually(lambda: executor.executions(server="bench", page_size=1))

    async def is_under_way() -> bool:
        (newest,) = await executor.executions(page_size=1)
        return newest.state == tool_pb2.EXECUTION_STATE_RESERVED

    await eventually(is_under_way)
    call.cancel()
    await eventually(trace.exists)

    async def is_ambiguous() -> bool:
        (newest,) = await executor.executions(page_size=1)
        return newest.state == tool_pb2.EXECUTION_STATE_AMBIGUOUS and not newest.HasField("duration")

    await eventually(is_ambiguous)


@pytest.mark.capability("X1")
async def test_a_server_that_crashes_during_a_call_is_started_anew_for_the_next(
    executor: ToolExecutor, tmp_path: Path
) -> None:
    await executor.register_stdio("bench")
    trace = tmp_path / "trace"
    broken = await refusal(executor.call("bench", "crash", {"trace_file": str(trace)}))
    assert (broken.code, broken.reason) == (grpc.StatusCode.UNAVAILABLE, "MCP_SERVER_UNAVAILABLE")
    assert "status 3" in broken.message
    assert "the workbench goes up in flames" in broken.message
    assert trace.read_text().splitlines() == ["called"]
    assert await executor.text("bench", "echo", {"text": "up again"}) == "up again"


@pytest.mark.capability("X10")
async def test_a_call_broken_off_by_a_crash_is_repeated_where_the_tool_says_it_may_be(
    executor: ToolExecutor, tmp_path: Path
) -> None:
    await executor.register_stdio("bench")
    assert await executor.text("bench", "crash_once", {"trace_file": str(tmp_path / "trace")}) == "survived"


@pytest.mark.capability("X3")
async def test_an_answer_that_is_too_large_is_refused_and_recorded(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    mint = TokenMint()
    limits = {"max_answer_bytes": 100_000, "mcp_message_bytes": 300_000}
    async with running_tool_executor(fresh_database, nats_server, mint, **limits) as executor:
        await executor.register_stdio("bench")
        assert len(await executor.text("bench", "big", {"size": 99_000})) == 99_000
        too_large = await refusal(executor.call("bench", "big", {"size": 101_000}))
        assert (too_large.code, too_large.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
        (recorded,) = await executor.executions(page_size=1)
        assert recorded.error_reason == "MESSAGE_TOO_LARGE"
        # A message beyond what is read at all costs the server its session.
        beyond = await refusal(executor.call("bench", "big", {"size": 400_000}))
        assert beyond.reason == "MCP_SERVER_UNAVAILABLE"
        assert await executor.text("bench", "echo", {"text": "x"}) == "x"


@pytest.mark.capability("X10")
@pytest.mark.capability("M10")
async def test_key_and_trace_go_downstream(executor: ToolExecutor) -> None:
    await executor.register_stdio("bench")
    request_id, trace_id = str(uuid4()), uuid4().hex
    traceparent = (("traceparent", f"00-{trace_id}-00f067aa0ba902b7-01"),)
    execution = await executor.call("bench", "metadata", request_id=request_id, metadata=executor.admin() + traceparent)
    lines = dict(line.partition("=")[::2] for line in text_of(execution).splitlines())
    assert lines["rookery.dev/idempotency-key"] == request_id
    assert lines["traceparent"].split("-")[1] == trace_id
    without = await executor.call("bench", "metadata")
    assert f"rookery.dev/idempotency-key={without.id}" in text_of(without)
