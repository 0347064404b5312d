"""A tool call that one makes for another names both: in its record, and to the MCP server."""

from collections.abc import AsyncIterator

import pytest
from harness.databases import FreshDatabase
from harness.mcp_servers.commands import HANDSHAKE_ONLY, http_server
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tokens import Bearer, TokenMint
from harness.tool_executor_service import ToolExecutor, new_request_id, running_tool_executor, text_of
from rookery.tool_executor.v1 import tool_pb2, tool_service_pb2

pytestmark = pytest.mark.capability("A11")

SUBJECT = "user:ada"
# Who acts now, and for whom that one acts.
ACTORS = ["agent:nearest", "agent:farther"]


@pytest.fixture
async def executor(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[ToolExecutor]:
    async with running_tool_executor(fresh_database, nats_server, TokenMint()) as running:
        yield running


def acting(executor: ToolExecutor, *actors: str) -> Bearer:
    return executor.registry.mint.bearer(subject=SUBJECT, actors=actors or ACTORS)


def told(execution: tool_pb2.Execution) -> dict[str, str]:
    """What the server was told of the caller."""
    lines = dict(line.partition("=")[::2] for line in text_of(execution).splitlines())
    prefix = "rookery.dev/"
    names = ("subject", "tenant", "delegates")
    return {name: lines[prefix + name] for name in names if prefix + name in lines}


async def test_the_record_and_a_server_over_stdio_see_the_subject_and_who_acts_for_it(executor: ToolExecutor) -> None:
    await executor.register_stdio("bench")
    execution = await executor.call("bench", "metadata", metadata=acting(executor))
    assert (execution.subject, list(execution.delegates)) == (SUBJECT, ACTORS)
    assert told(execution) == {"subject": SUBJECT, "tenant": "default", "delegates": str(ACTORS)}
    assert await executor.executions() == [execution]


async def test_a_server_over_http_sees_them_call_by_call(executor: ToolExecutor) -> None:
    async with http_server() as server:
        await executor.register_http("web", server.url)
        first = await executor.call("web", "metadata", metadata=acting(executor))
        second = await executor.call("web", "metadata", metadata=acting(executor, "agent:other"))
    assert told(first) == {"subject": SUBJECT, "tenant": "default", "delegates": str(ACTORS)}
    assert told(second) == {"subject": SUBJECT, "tenant": "default", "delegates": "['agent:other']"}


async def test_where_nobody_acts_for_the_subject_nobody_is_named(executor: ToolExecutor) -> None:
    await executor.register_stdio("bench")
    execution = await executor.call("bench", "metadata")
    assert (execution.subject, list(execution.delegates)) == ("user:admin", [])
    assert told(execution) == {"subject": "user:admin", "tenant": "default"}


async def test_a_server_that_knows_nothing_of_it_answers_all_the_same(executor: ToolExecutor) -> None:
    await executor.register_stdio("old", HANDSHAKE_ONLY)
    execution = await executor.call("old", "revision", metadata=acting(executor))
    assert (text_of(execution), list(execution.delegates)) == ("revision 2025-11-25", ACTORS)


async def test_the_record_of_a_call_that_could_not_be_made_names_who_acted(executor: ToolExecutor) -> None:
    await executor.register_stdio("bench")
    missing = await refusal(executor.call("bench", "no_such_tool", metadata=acting(executor)))
    assert missing.reason == "TOOL_NOT_FOUND"
    (record,) = await executor.executions()
    assert (record.subject, list(record.delegates)) == (SUBJECT, ACTORS)


async def test_a_repetition_answers_who_acted_when_the_tool_was_called(executor: ToolExecutor) -> None:
    await executor.register_stdio("bench")
    request_id = new_request_id()
    first = await executor.call("bench", "metadata", request_id=request_id, metadata=acting(executor))
    again = await executor.call("bench", "metadata", request_id=request_id, metadata=acting(executor, "agent:other"))
    assert again == first


async def test_a_caller_cannot_say_who_acts(executor: ToolExecutor) -> None:
    assert not {"subject", "delegates", "tenant"} & set(tool_service_pb2.CallToolRequest.DESCRIPTOR.fields_by_name)
    await executor.register_stdio("bench")
    request = tool_service_pb2.CallToolRequest(server="bench", tool="metadata")
    request.MergeFromString(tool_pb2.Execution(delegates=["user:innocent"]).SerializeToString())
    assert b"user:innocent" in request.SerializeToString()
    execution = (await executor.tools.CallTool(request, metadata=acting(executor), timeout=20)).execution
    assert list(execution.delegates) == ACTORS
    assert told(execution)["delegates"] == str(ACTORS)
