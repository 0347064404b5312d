import asyncio
import os
from pathlib import Path

import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mcp_servers.commands import HANDSHAKE_ONLY, WORKBENCH
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tokens import TokenMint
from harness.tool_executor_service import ToolExecutor, is_running, running_tool_executor, text_of

Sources = tuple[FreshDatabase, RestartableNats]


@pytest.fixture
def sources(fresh_database: FreshDatabase, nats_server: RestartableNats) -> Sources:
    return fresh_database, nats_server


async def pid_of(executor: ToolExecutor, server: str) -> int:
    return int(await executor.text(server, "process_id"))


async def has_ended(pid: int) -> None:
    await eventually(lambda: not is_running(pid))


@pytest.mark.capability("X1")
async def test_callers_share_one_session_until_it_is_idle(sources: Sources) -> None:
    async with running_tool_executor(*sources, TokenMint(), session_idle_seconds=1) as executor:
        await executor.register_stdio("bench")
        pids = await asyncio.gather(*(pid_of(executor, "bench") for _ in range(8)))
        assert len(set(pids)) == 1
        assert await pid_of(executor, "bench") == pids[0]
        await has_ended(pids[0])
        assert await pid_of(executor, "bench") != pids[0]


@pytest.mark.capability("X4")
async def test_calls_to_one_server_are_limited_in_number(sources: Sources, tmp_path: Path) -> None:
    async with running_tool_executor(*sources, TokenMint(), session_concurrency=1) as executor:
        await executor.register_stdio("bench")
        trace = tmp_path / "trace"
        slow = asyncio.create_task(executor.call("bench", "count", {"trace_file": str(trace), "seconds": 2}))
        await eventually(trace.exists)
        busy = await refusal(executor.call("bench", "echo", {"text": "x"}, tool_timeout=0.2))
        assert busy.reason == "MCP_SERVER_UNAVAILABLE"
        assert "busy" in busy.message
        waiting = await executor.call("bench", "echo", {"text": "x"})
        assert text_of(waiting) == "x"
        assert text_of(await slow) == "1"


@pytest.mark.capability("X1")
async def test_the_longest_idle_session_makes_room_for_another(sources: Sources) -> None:
    async with running_tool_executor(*sources, TokenMint(), max_sessions=2) as executor:
        for name in ("one", "two", "three"):
            await executor.register_stdio(name)
        first, second = await pid_of(executor, "one"), await pid_of(executor, "two")
        await eventually(lambda: pid_of(executor, "three"))
        await has_ended(first)
        assert is_running(second)


@pytest.mark.capability("X9")
async def test_a_child_sees_and_may_use_no_more_than_it_is_given(sources: Sources) -> None:
    data_bytes = 512 * 1024**2
    async with running_tool_executor(
        *sources, TokenMint(), child_open_files=64, child_data_bytes=data_bytes
    ) as executor:
        await executor.register_stdio("bench", env={"API_KEY": "abc"})
        lines = (await executor.text("bench", "surroundings")).splitlines()
        given = dict(line.split("=", 1) for line in lines)
        assert given.pop("RLIMIT_NOFILE") == "64"
        assert given.pop("RLIMIT_DATA") == str(data_bytes)
        assert given.pop("API_KEY") == "abc"
        expected = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        given.pop("LC_CTYPE", None)
        assert given == expected
        greedy = await refusal(executor.call("bench", "hoard", {"megabytes": 1024}))
        assert greedy.reason == "MCP_SERVER_UNAVAILABLE"


@pytest.mark.capability("X1")
async def test_the_end_of_a_session_ends_all_that_its_server_started(sources: Sources) -> None:
    async with running_tool_executor(*sources, TokenMint()) as executor:
        server = await executor.register_stdio("bench")
        pid = await pid_of(executor, "bench")
        within = int(await executor.text("bench", "start_child"))
        apart = int(await executor.text("bench", "start_child", {"own_session": True}))
        assert is_running(within)
        assert is_running(apart)
        await executor.delete(server)
        for process in (pid, within, apart):
            await has_ended(process)
        assert (await refusal(executor.call("bench", "process_id"))).reason == "MCP_SERVER_NOT_FOUND"


@pytest.mark.capability("X1")
async def test_a_graceful_stop_ends_every_child(sources: Sources) -> None:
    async with running_tool_executor(*sources, TokenMint()) as executor:
        await executor.register_stdio("one")
        await executor.register_stdio("two")
        processes = [await pid_of(executor, "one"), await pid_of(executor, "two")]
        processes.append(int(await executor.text("one", "start_child")))
    assert not any(is_running(process) for process in processes)


@pytest.mark.capability("X1")
async def test_a_session_on_which_nothing_answers_any_more_is_replaced(sources: Sources) -> None:
    async with running_tool_executor(*sources, TokenMint()) as executor:
        await executor.register_stdio("bench")
        pid = await pid_of(executor, "bench")
        for _ in range(3):
            await refusal(executor.call("bench", "sleep", {"seconds": 60}, tool_timeout=0.1))
        assert await pid_of(executor, "bench") != pid


@pytest.mark.capability("R5")
async def test_tools_are_listed_by_server_and_name_in_pages(sources: Sources) -> None:
    async with running_tool_executor(*sources, TokenMint()) as executor:
        assert not (await executor.list_tools()).tools
        await executor.register_stdio("bench")
        await executor.register_stdio("old", HANDSHAKE_ONLY)
        await executor.register_http("inside", "http://10.255.255.1:9/mcp")
        await executor.register_stdio("broken", WORKBENCH, "no-such-transport")

        everything = await executor.list_tools()
        names = [(tool.server, tool.name) for tool in everything.tools]
        assert names == sorted(names)
        assert {server for server, _ in names} == {"bench", "old"}
        assert [(server.server, server.reason) for server in everything.unavailable] == [
            ("broken", "MCP_SERVER_UNAVAILABLE"),
            ("inside", "ENDPOINT_NOT_ALLOWED"),
        ]
        add = next(tool for tool in everything.tools if tool.name == "add")
        assert add.description == "Adds two numbers."
        assert b'"a"' in add.input_schema
        assert b'"total"' in add.output_schema
        assert add.read_only_hint
        assert not add.destructive_hint

        paged, token = [], ""
        while True:
            page = await executor.list_tools(page_size=7, page_token=token)
            paged += [(tool.server, tool.name) for tool in page.tools]
            assert bool(page.unavailable) == (token == "")
            token = page.next_page_token
            if not token:
                break
        assert paged == names
        assert len((await executor.list_tools("old")).tools) == 5
        assert (await refusal(executor.list_tools("inside"))).reason == "ENDPOINT_NOT_ALLOWED"
        assert (await refusal(executor.list_tools("nowhere"))).reason == "MCP_SERVER_NOT_FOUND"
        assert (await refusal(executor.list_tools(page_token="stray"))).reason == "INVALID_PAGE_TOKEN"


@pytest.mark.capability("X1")
async def test_a_tool_that_a_server_adds_is_offered_at_once(sources: Sources) -> None:
    async with running_tool_executor(*sources, TokenMint()) as executor:
        await executor.register_stdio("bench")
        assert (await refusal(executor.call("bench", "grown"))).reason == "TOOL_NOT_FOUND"
        await executor.text("bench", "grow")

        async def is_listed() -> bool:
            return "grown" in {tool.name for tool in (await executor.list_tools("bench")).tools}

        await eventually(is_listed)
        assert await executor.text("bench", "grown") == "I am new"
