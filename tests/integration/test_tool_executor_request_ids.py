import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.free_ports import free_address
from harness.in_process import running
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.registry_service import Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from harness.tool_executor_service import (
    ExecutorProcess,
    ToolExecutor,
    executor_at,
    executor_process,
    is_running,
    new_request_id,
    text_of,
    tool_executor_settings,
)
from rookery.tool_executor.v1 import tool_pb2
from rookery_tool_executor.__main__ import compose

pytestmark = pytest.mark.capability("X10")


@dataclass
class Surroundings:
    """What several executors share."""

    database: FreshDatabase
    nats: RestartableNats
    registry: Registry
    address: str

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[ToolExecutor]:
        """One more tool-executor inside the test."""
        settings = tool_executor_settings(self.database, self.nats, self.address)
        async with running(settings, self.registry.mint.trusted_by(compose)) as channel:
            yield executor_at(channel, self.registry, self.address)

    def process(self) -> AbstractAsyncContextManager[tuple[ExecutorProcess, ToolExecutor]]:
        """One more tool-executor in a process of its own."""
        return executor_process(self.database, self.nats, self.registry, self.address)


@pytest.fixture
async def surroundings(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Surroundings]:
    address = free_address()
    async with running_registry(
        registry_settings(fresh_database, nats_server, listen=address), TokenMint()
    ) as registry:
        yield Surroundings(fresh_database, nats_server, registry, address)


def lines(trace: Path) -> int:
    return len(trace.read_text(encoding="utf-8").splitlines()) if trace.exists() else 0


async def test_a_repeated_request_id_executes_once_and_answers_the_same(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    async with surroundings.replica() as executor:
        await executor.register_stdio("bench")
        request_id = new_request_id()
        call = {"trace_file": str(trace)}
        first = await executor.call("bench", "count", call, request_id=request_id)
        assert await executor.call("bench", "count", call, request_id=request_id.upper()) == first
        assert lines(trace) == 1
        reused = await refusal(executor.call("bench", "count", {**call, "seconds": 0}, request_id=request_id))
        assert (reused.code, reused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
        assert reused.fields == ("request_id",)
        # Another subject's request_id is another one, and so is none at all.
        other = surroundings.registry.mint.bearer(subject="agent:0198c0de-0000-7000-8000-000000000000")
        assert text_of(await executor.call("bench", "count", call, request_id=request_id, metadata=other)) == "2"
        assert text_of(await executor.call("bench", "count", call)) == "3"
        # Neither a crash of the server nor its removal takes the answer away.
        await refusal(executor.call("bench", "crash"))
        assert await executor.call("bench", "count", call, request_id=request_id) == first
    async with surroundings.replica() as executor:
        assert await executor.call("bench", "count", call, request_id=request_id) == first
    assert lines(trace) == 3


async def test_of_several_at_once_on_several_replicas_one_executes(surroundings: Surroundings, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    async with surroundings.replica() as one, surroundings.replica() as two:
        await one.register_stdio("bench")
        request_id = new_request_id()
        call = {"trace_file": str(trace), "seconds": 1}
        answers = await asyncio.gather(
            *(replica.call("bench", "count", call, request_id=request_id) for replica in (one, two, one, two))
        )
        assert lines(trace) == 1
        assert [answer.id for answer in answers] == [answers[0].id] * 4
        assert {text_of(answer) for answer in answers} == {"1"}


async def test_whoever_cannot_wait_is_told_that_the_call_is_under_way(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    async with surroundings.replica() as executor:
        await executor.register_stdio("bench")
        request_id = new_request_id()
        call = {"trace_file": str(trace), "seconds": 6}
        first = asyncio.create_task(executor.call("bench", "count", call, request_id=request_id))
        await eventually(trace.exists)
        busy = await refusal(executor.call("bench", "count", call, request_id=request_id, deadline=2))
        assert (busy.code, busy.reason) == (grpc.StatusCode.UNAVAILABLE, "EXECUTION_IN_PROGRESS")
        assert busy.retry_after == 1
        assert text_of(await first) == "1"


async def test_a_recorded_failure_is_repeated_and_one_without_effect_is_not(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    async with surroundings.replica() as executor:
        await executor.register_stdio("bench")
        crash = new_request_id()
        first = await refusal(executor.call("bench", "crash", {"trace_file": str(trace)}, request_id=crash))
        again = await refusal(executor.call("bench", "crash", {"trace_file": str(trace)}, request_id=crash))
        assert (
            (again.reason, again.message) == (first.reason, first.message) == ("MCP_SERVER_UNAVAILABLE", first.message)
        )
        assert lines(trace) == 1
        # The tool was not called, so the same request_id may be used for another attempt.
        later = new_request_id()
        assert (await refusal(executor.call("late", "echo", {"text": "x"}, request_id=later))).code is (
            grpc.StatusCode.NOT_FOUND
        )
        await executor.register_stdio("late")
        assert text_of(await executor.call("late", "echo", {"text": "x"}, request_id=later)) == "x"


async def test_a_killed_executor_leaves_no_process_and_its_calls_are_named_or_taken_over(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    unsafe, safe = tmp_path / "unsafe", tmp_path / "safe"
    unsafe_id, safe_id = new_request_id(), new_request_id()
    arguments = {"count": {"trace_file": str(unsafe), "seconds": 2}}
    arguments["count_idempotent"] = {"trace_file": str(safe), "seconds": 2}
    async with surroundings.replica() as survivor, surroundings.process() as (process, victim):
        await victim.register_stdio("bench")
        children = [int(await victim.text("bench", "process_id")), int(await victim.text("bench", "start_child"))]
        calls = [
            asyncio.create_task(victim.call("bench", tool, arguments[tool], request_id=request_id))
            for tool, request_id in (("count", unsafe_id), ("count_idempotent", safe_id))
        ]
        await eventually(lambda: unsafe.exists() and safe.exists())
        assert all(is_running(child) for child in children)
        await process.kill()
        for call in calls:
            with pytest.raises(grpc.aio.AioRpcError, match="UNAVAILABLE"):
                await call
        await eventually(lambda: not any(is_running(child) for child in children))

        lost = await refusal(survivor.call("bench", "count", arguments["count"], request_id=unsafe_id))
        assert (lost.code, lost.reason) == (grpc.StatusCode.ABORTED, "EXECUTION_AMBIGUOUS")
        assert lines(unsafe) == 1
        repeated = await survivor.call("bench", "count_idempotent", arguments["count_idempotent"], request_id=safe_id)
        assert repeated.state == tool_pb2.EXECUTION_STATE_SUCCEEDED
        assert lines(safe) == 2
        recorded = {entry.tool: entry for entry in await survivor.executions() if entry.tool.startswith("count")}
        assert recorded["count"].state == tool_pb2.EXECUTION_STATE_AMBIGUOUS
        assert recorded["count"].id == lost.metadata["execution_id"]
        assert recorded["count_idempotent"].id == repeated.id


async def test_calls_that_nobody_repeats_are_named_by_the_sweep(surroundings: Surroundings, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    async with surroundings.replica() as survivor, surroundings.process() as (process, victim):
        await victim.register_stdio("bench")
        call = asyncio.create_task(victim.call("bench", "count", {"trace_file": str(trace), "seconds": 60}))
        await eventually(trace.exists)
        await process.kill()
        with pytest.raises(grpc.aio.AioRpcError, match="UNAVAILABLE"):
            await call

        async def is_named() -> bool:
            (entry,) = await survivor.executions()
            return entry.state == tool_pb2.EXECUTION_STATE_AMBIGUOUS

        await eventually(is_named)
