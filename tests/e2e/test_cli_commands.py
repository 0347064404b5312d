import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from harness.command_line import CommandLine, write_context
from harness.eventually import eventually
from harness.mcp_servers.commands import WORKBENCH
from harness.sdk_agents import context_of, online, serving
from harness.suite import Suite
from rookery_sdk import Agent, Client, Fail, Message, MessageContext, TaskContext


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"tool_executor": {"STDIO_ALLOWED_COMMANDS": f'["{sys.executable}"]'}}


@pytest.fixture
def rookery(suite: Suite, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, write_context(suite))


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


def worker(suite: Suite, name: str = "worker") -> tuple[Agent, list[Message]]:
    """An agent that doubles numbers and keeps its messages."""
    agent, got = Agent(name, context=context_of(suite), labels={"team": "a"}), list[Message]()

    @agent.task("double")
    async def double(ctx: TaskContext, number: object) -> object:
        await ctx.progress(0.5, "doubling")
        if not isinstance(number, int):
            raise Fail("not a number", reason="NOT_A_NUMBER")
        return number * 2

    @agent.message
    async def keep(_ctx: MessageContext, message: Message) -> None:
        got.append(message)

    return agent, got


@pytest.mark.capability("G6")
async def test_agents_are_listed_shown_and_deregistered(suite: Suite, client: Client, rookery: CommandLine) -> None:
    names = ["ada", "ben", "cyd"]
    async with serving(*(worker(suite, name)[0] for name in names)):
        agents = [await online(client, name) for name in names]
        listing = (await rookery("agents", "list", "--json", "--capability", "double")).json
        assert [agent["name"] for agent in listing["agents"]] == names
        assert listing["more"] is False
        assert listing["agents"][0].keys() == {
            *("id", "name", "status", "capabilities", "description", "labels", "subject", "tenant", "session_epoch"),
            *("lease_seconds", "lease_expire_time", "create_time", "update_time", "etag"),
            *("type", "version", "endpoint", "skills", "config", "draining"),
        }
        assert datetime.fromisoformat(listing["agents"][0]["create_time"]).tzinfo is not None
        cut = await rookery("agents", "list", "--limit", "2")
        assert [line.split()[0] for line in cut.lines] == ["NAME", "ada", "ben"]
        assert "--all" in cut.err
        assert len((await rookery("agents", "list", "--limit", "2", "--all")).lines) == 4
        for key in ("ben", agents[1].id, agents[1].id[:13]):
            assert (await rookery("agents", "show", key, "--json")).json["id"] == agents[1].id
        assert "team=a" in (await rookery("agents", "show", "ben")).out
    assert (await rookery("agents", "list", "--status", "online")).err == "no agents\n"
    assert (await rookery("agents", "deregister", "ben")).code == 2
    gone = await rookery("agents", "deregister", "ben", "--yes")
    assert (gone.code, gone.out) == (0, f"agent ben ({agents[1].id}) is deregistered\n")
    assert (await rookery("agents", "show", "ben")).code == 1


@pytest.mark.capability("G6")
async def test_agents_are_filtered_found_drained_and_resumed(
    suite: Suite, client: Client, rookery: CommandLine
) -> None:
    async with serving(*(worker(suite, name)[0] for name in ("ada", "ben"))):
        ada = await online(client, "ada")
        await online(client, "ben")
        filtered = (await rookery("agents", "list", "--json", "--filter", "capabilities:double AND name != ben")).json
        assert [agent["name"] for agent in filtered["agents"]] == ["ada"]
        wrong = await rookery("agents", "list", "--filter", "name ~ ben")
        assert (wrong.code, wrong.out) == (1, "")
        assert "at character 6: expected one of" in wrong.err
        assert "docs/registry.md" in wrong.err
        found = (await rookery("agents", "find", "double", "--label", "team=a", "--json")).json
        assert sorted(match["agent"]["name"] for match in found["matches"]) == ["ada", "ben"]
        drained = await rookery("agents", "drain", "ada")
        assert (drained.code, drained.out) == (0, f"agent ada ({ada.id}) drains\n")
        assert [line.split()[0] for line in (await rookery("agents", "find", "double")).lines] == ["NAME", "ben"]
        assert "DRAINING" in (await rookery("agents", "list", "--status", "draining")).out
        assert (await rookery("agents", "resume", "ada", "--json")).json["status"] == "ONLINE"
        assert len((await rookery("agents", "find", "double", "--limit", "1")).lines) == 2


@pytest.mark.capability("G6")
async def test_tasks_are_created_waited_for_watched_listed_and_cancelled(
    suite: Suite, rookery: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "number.json").write_text("21")
    agent, _ = worker(suite)
    async with serving(agent):
        assert (await rookery("tasks", "create", "double", "--data", "21", "--wait")).out == "42\n"
        assert (await rookery("tasks", "create", "double", "-f", "number.json", "--wait")).out == "42\n"
        document = (await rookery("tasks", "create", "double", "-d", "4", "-t", "Four", "--wait", "--json")).json
        assert (document["title"], document["state"]) == ("Four", "COMPLETED")
        assert document["output"] == {"content_type": "application/json", "value": 8}
        failed = await rookery("tasks", "create", "double", "--text", "many", "--wait")
        assert failed.code == 1
        assert failed.err.startswith("error: the task ended as FAILED: not a number (NOT_A_NUMBER)\nhint: ")
        task_id = (await rookery("tasks", "create", "double", "--text", "many", "--label", "batch=7")).out.strip()
        watched = await rookery("tasks", "watch", task_id)
        assert (watched.code, watched.lines[-1].split()[0]) == (1, "FAILED")
        assert "NOT_A_NUMBER" in (await rookery("tasks", "show", task_id)).out
        listed = (await rookery("tasks", "list", "--label", "batch=7", "--state", "failed", "--json")).json["tasks"]
        assert [task["id"] for task in listed] == [task_id]
    waiting = (await rookery("tasks", "create", "double", "--data", "1", "--json")).json
    assert waiting["state"] == "SUBMITTED"
    assert waiting["id"] in (await rookery("tasks", "list", "--limit", "1")).out
    assert (await rookery("tasks", "cancel", waiting["id"])).out == f"task {waiting['id']} is canceled\n"
    again = await rookery("tasks", "cancel", waiting["id"])
    assert again.code == 1
    assert "(TASK_ENDED)\nhint: " in again.err


@pytest.mark.capability("G6")
async def test_a_watch_prints_every_change_as_it_comes(suite: Suite, rookery: CommandLine) -> None:
    task_id = (await rookery("tasks", "create", "double", "--data", "1")).out.strip()
    watching = await rookery.begin("tasks", "watch", task_id)
    assert watching.stdout is not None
    assert (await asyncio.wait_for(watching.stdout.readline(), 20)).startswith(b"SUBMITTED")
    agent, _ = worker(suite)
    async with serving(agent):
        rest = (await asyncio.wait_for(watching.stdout.read(), 20)).decode().splitlines()
    assert rest[-1].startswith("COMPLETED")
    assert await watching.wait() == 0


@pytest.mark.capability("G6")
async def test_servers_are_registered_and_their_tools_called(rookery: CommandLine) -> None:
    command = ("--", sys.executable, WORKBENCH, "stdio")
    registered = await rookery("servers", "register", "bench", "-e", "SECRET=hush", "--json", *command)
    assert registered.json["command"] == list(command[1:])
    assert registered.json["env_names"] == ["SECRET"]
    assert "hush" not in registered.out
    web = await rookery("servers", "register", "web", "--url", "http://127.0.0.1:1/mcp")
    assert web.code == 0
    assert [line.split()[0] for line in (await rookery("servers", "list")).lines] == ["NAME", "bench", "web"]
    assert (await rookery("servers", "show", registered.json["id"][:13], "--json")).json["name"] == "bench"
    tools = await rookery("tools", "list")
    assert "echo" in tools.out
    assert tools.err.startswith("warning: server web could not be asked: ")
    (echo,) = [
        tool
        for tool in (await rookery("tools", "list", "--server", "bench", "--all", "--json")).json["tools"]
        if tool["name"] == "echo"
    ]
    assert echo["input_schema"]["properties"]["text"]["type"] == "string"
    assert (await rookery("tools", "call", "bench", "echo", "-a", "text=hello world")).out == "hello world\n"
    added = (await rookery("tools", "call", "bench", "add", "-d", '{"a": 1}', "-a", "b=2", "--json")).json
    assert (added["state"], added["structured_content"]) == ("SUCCEEDED", {"total": 3})
    failed = await rookery("tools", "call", "bench", "fail", "-a", "words=x")
    assert (failed.code, "(TOOL_REPORTED_ERROR)" in failed.err) == (1, True)
    wrong = await rookery("tools", "call", "bench", "echo", "-a", "text=5")
    assert wrong.code == 1
    assert "(TOOL_ARGUMENTS_INVALID)\nhint: " in wrong.err
    unasked = await rookery("servers", "delete", "bench")
    assert (unasked.code, unasked.err.splitlines()[-1]) == (2, "hint: add --yes to do it without asking")
    assert (await rookery("servers", "show", "bench")).code == 0
    assert (await rookery("servers", "delete", "bench", "--yes")).code == 0
    assert (await rookery("servers", "show", "bench")).code == 1


@pytest.mark.capability("G6")
async def test_messages_are_sent_by_name_and_by_the_beginning_of_an_id(
    suite: Suite, client: Client, rookery: CommandLine
) -> None:
    agent, got = worker(suite)
    async with serving(agent):
        agent_id = (await online(client, "worker")).id
        sent = await rookery("messages", "send", "worker", "hello", "--type", "greeting", "-p", "high", "--json")
        assert sent.json["recipient_agent_id"] == agent_id
        assert (await rookery("messages", "send", agent_id[:13], "-d", '{"n": 1}')).code == 0
        assert (await rookery("messages", "send", "worker", "-f", "-", given=b"\x00raw")).code == 0
        await eventually(lambda: len(got) == 3)
    assert [(message.type, message.payload) for message in sorted(got, key=lambda each: each.create_time)] == [
        ("greeting", "hello"),
        ("", {"n": 1}),
        ("", b"\x00raw"),
    ]
    nobody = await rookery("messages", "send", "nobody", "hello")
    assert nobody.err.startswith("error: there is no agent 'nobody' (AGENT_NOT_FOUND)\nhint: ")


async def test_refusals_name_reason_and_way_out_in_two_lines(suite: Suite, rookery: CommandLine) -> None:
    unknown = await rookery("tasks", "get", "00000000-0000-7000-8000-000000000000")
    assert unknown.code == 1
    error, hint = unknown.err.splitlines()
    assert error.startswith("error: ")
    assert error.endswith("(TASK_NOT_FOUND)")
    assert hint.startswith("hint: ")
    broken = await rookery("tasks", "create", "Not A Capability")
    assert broken.code == 1
    assert broken.err.startswith("error: capability: must start with a lower-case letter, followed by ")
    assert "(INVALID_FIELD)" in broken.err
    forged = await rookery("agents", "list", environment={"ROOKERY_API_KEY": "rkk_forged"})
    assert forged.code == 1
    assert "(CREDENTIAL_INVALID)" in forged.err
    await suite.kill("registry")
    away = await rookery("agents", "list")
    assert away.code == 1
    assert away.err.startswith("error: the suite is not running (a service does not answer; `rookery status` shows")
    assert away.err.endswith("start it with `rookery up`\n")
    assert len(away.err.splitlines()) == 1


async def test_a_reader_that_has_seen_enough_is_no_error(suite: Suite, rookery: CommandLine) -> None:
    for n in range(3):
        await rookery("tasks", "create", "double", "--title", f"task {n}")
    assert (await rookery("tasks", "list", reader_gone=True)).code == 0
