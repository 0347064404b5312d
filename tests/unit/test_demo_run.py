import asyncio
import io
import json
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from rookery.orchestrator.v1 import payload_pb2, task_pb2
from rookery_tool_executor.settings import AllowedCommandSettings

from demo.agents.capabilities import ARCHIVE, INVENTORY, SUMMARY, SURVEY
from demo.display import PlainDisplay, open_display
from demo.failure import DemoFailed
from demo.mail.accounts import Accounts
from demo.options import parse
from demo.run.beside import beside
from demo.run.kills import Recovery, order
from demo.run.outcome import Outcome
from demo.run.verdict import TaskCount, ToolCallCount, check_results
from demo.stage.servers import git_server, write_settings


def payload(value: object) -> payload_pb2.Payload:
    return payload_pb2.Payload(content_type="application/json", data=json.dumps(value).encode())


def task(capability: str, path: str, result: object) -> task_pb2.Task:
    return task_pb2.Task(capability=capability, input=payload({"path": path}), output=payload(result))


INVENTORY_TASK = task_pb2.Task(capability=INVENTORY, output=payload("all"))
EXPECTED = {(INVENTORY, ""): "all", (SUMMARY, "a.md"): "in short"}


def test_results_that_are_as_expected_pass() -> None:
    tasks = [task_pb2.Task(capability=SURVEY), INVENTORY_TASK, task(SUMMARY, "a.md", "in short")]
    assert check_results(tasks, EXPECTED, EXPECTED) == 0


def test_a_wrong_result_is_named() -> None:
    with pytest.raises(DemoFailed, match=r"docs.summary a.md is not what it should be"):
        check_results([INVENTORY_TASK, task(SUMMARY, "a.md", "at length")], EXPECTED, EXPECTED)


def test_a_task_that_is_missing_is_named() -> None:
    with pytest.raises(DemoFailed, match=r"nobody was asked for docs.summary a.md"):
        check_results([INVENTORY_TASK, task_pb2.Task(capability=ARCHIVE)], EXPECTED, EXPECTED)


def test_a_task_that_was_created_twice_is_named() -> None:
    twice = [INVENTORY_TASK, task(SUMMARY, "a.md", "in short"), task(SUMMARY, "a.md", "in short")]
    with pytest.raises(DemoFailed, match=r"docs.summary a.md was asked for twice"):
        check_results(twice, EXPECTED, EXPECTED)


def test_results_about_files_that_changed_meanwhile_are_counted_and_not_compared() -> None:
    after = {**EXPECTED, (SUMMARY, "a.md"): "at length"}
    assert check_results([INVENTORY_TASK, task(SUMMARY, "a.md", "half of it")], EXPECTED, after) == 1


def test_the_order_of_kills_follows_from_the_seed() -> None:
    assert order(None) == order(None)
    assert order(7) == order(7)
    assert sorted(order(7)) == sorted(order(None))
    assert len({order(seed) for seed in range(10)}) > 1


async def test_the_first_failure_of_what_runs_beside_ends_the_work() -> None:
    async def fails() -> None:
        raise DemoFailed("seen")

    with pytest.raises(DemoFailed, match="seen"):
        await beside(asyncio.Event().wait(), fails())


async def test_the_work_s_result_is_answered_and_what_ran_beside_it_has_ended() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def answering(value: str) -> str:
        await asyncio.wait_for(begun.wait(), 5)
        return value

    assert await beside(answering("done"), endless()) == "done"
    assert ended.is_set()


def test_only_the_demo_s_own_commands_are_allowed_to_the_executor(tmp_path: Path) -> None:
    server = git_server(tmp_path)
    write_settings(tmp_path / "rookery.yaml", [server])
    section = yaml.safe_load((tmp_path / "rookery.yaml").read_text())["tool_executor"]
    allowed = [AllowedCommandSettings.model_validate(entry) for entry in section["stdio_allowed_commands"]]
    assert [(entry.command, entry.args_prefix) for entry in allowed] == [(server.command, server.arguments)]


def test_the_table_tells_every_figure() -> None:
    outcome = Outcome(
        tasks=TaskCount(107, 111, 4),
        mail=Accounts(acknowledged=150, delivered=150, repeated=2, missing=(), unknown=()),
        tool_calls=ToolCallCount(succeeded=800, refusing=7, unanswered=1, ambiguous=0),
        recoveries=(Recovery("orchestrator", 9, 1.24, 1.5),),
        changing=0,
        ready_seconds=3.21,
        total_seconds=30.0,
        peak_bytes=900 * 1024 * 1024,
    )
    console = Console(file=io.StringIO(), width=100)
    outcome.show(console)
    assert isinstance(console.file, io.StringIO)
    table = console.file.getvalue()
    for said in ("107", "111", "807, of which 7", "killed orchestrator", "after 1.2 s", "900 MiB", "3.2 s"):
        assert said in table


def test_progress_in_a_pipe_is_a_line_now_and_then() -> None:
    stream = io.StringIO()
    display = open_display(Console(file=stream), quiet=False)
    assert isinstance(display, PlainDisplay)
    for done in range(50):
        display.progress(done, 50, 3)
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("arguments", [["--repeat", "0"], ["--repeat", "many"], ["surplus"]])
def test_a_wrong_command_line_ends_with_exit_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        parse(arguments)
    assert exit_info.value.code == 2
