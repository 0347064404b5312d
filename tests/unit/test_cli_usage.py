import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rookery.errors.v1 import error_reason_pb2
from rookery_cli.__main__ import run
from rookery_cli.app import build
from rookery_cli.hints import hint_for
from typer.main import get_command


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROOKERY_CONTEXT", raising=False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tasks frobnicate", "No such command 'frobnicate'."),
        ("agents list --frobnicate", "No such option: --frobnicate"),
        ("agents show", "Missing argument 'AGENT'."),
        ("agents list --limit many", "Invalid value for '--limit' / '-n'"),
        ("agents list --limit 0", "Invalid value for '--limit' / '-n'"),
        ("tasks list --state lost", "Invalid value for '--state' / '-s'"),
        ("tasks list --label nothing", "Invalid value for --label: 'nothing' is not of the form KEY=VALUE"),
        ("tasks create work --data {", "--data is not valid JSON"),
        ("tasks create work --data 1 --text 1", "give the content once"),
        ("tasks create work --file nowhere.txt", "nowhere.txt cannot be read: No such file or directory"),
        ("messages send x", "there is no content"),
        ("messages send x --type stop", "there is no content"),
        ("topics publish x", "there is no content"),
        ("tools call bench echo --data []", "--data is not a JSON object"),
        ("servers register bench", "give either a command or --url"),
        ("servers register bench --url http://x/mcp -- program", "give either a command or --url"),
        ("servers register bench --url http://x/mcp --cwd /", "--env and --cwd are for a command"),
        ("up --log-level loud", "there is no log level 'loud'"),
        ("keys create q --role tester --rate 4294967296", "Invalid value for '--rate': "),
        ("keys create q --role tester --ttl 3651d", "Invalid value for --ttl: 3651d is longer than 3650d"),
        ("keys rotate q --overlap 999999999d", "Invalid value for --overlap: 999999999d is longer than 30d"),
        ("tenants create x --quota max_agents=9223372036854775808", "Invalid value for --quota: '9223372036854775808'"),
        ("tenants create x --quota max_agents=-1", "Invalid value for --quota: '-1' is not a number from 0 to "),
        ("agents health x --minutes 99999999999999999", "Invalid value for '--minutes' / '-m'"),
        ("agents health x --minutes nan", "Invalid value for '--minutes' / '-m'"),
        ("tasks create work --within inf", "Invalid value for '--within'"),
        ("topics watch x --after 99999999999999999999", "Invalid value for '--after'"),
    ],
)
def test_wrong_usage_is_told_in_a_line_with_exit_code_2(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    error, *hints = captured.err.splitlines()
    assert error.startswith(f"error: {said}")
    assert all(hint.startswith("hint: ") for hint in hints)


@pytest.mark.parametrize("line", ["messages send x", "topics publish x"])
@pytest.mark.parametrize("given", [[""], ["--data", "null"], ["--file", os.devnull]])
def test_what_is_empty_is_sent_when_that_is_asked_for(line: str, given: list[str]) -> None:
    # The command line is taken; there is only no suite to send to.
    assert run([*line.split(), *given]) == 1


def test_what_deletes_or_ends_for_good_asks_first() -> None:
    final = {"delete", "deregister", "discard", "purge", "revoke"}
    commands = {
        f"{name} {word}": {option for parameter in command.params for option in parameter.opts}
        for name, group in get_command(build()).commands.items()  # type: ignore[attr-defined]
        for word, command in getattr(group, "commands", {}).items()
        if word in final
    }
    assert {"servers delete", "topics delete", "tenants delete", "keys revoke"} <= commands.keys()
    assert {name for name, options in commands.items() if "--yes" not in options} == set()


@pytest.mark.parametrize(
    "line",
    ["status", "agents list", "tasks watch x", "tools call a b", "servers show x", "messages send x y"],
)
def test_without_a_suite_one_line_says_how_to_start_one(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "error: the suite is not running (there is no .rookery/context.json); start it with `rookery up`\n"
    )


def test_every_number_is_bounded_but_those_that_the_command_line_counts_itself() -> None:
    unbounded = {
        option
        for group in get_command(build()).commands.values()  # type: ignore[attr-defined]
        for command in getattr(group, "commands", {"": group}).values()
        for parameter in command.params
        for option in parameter.opts
        if parameter.bare_type() in ("int", "float") and parameter.max is None
    }
    assert unbounded == {"--limit", "-n", "--count"}


def test_what_no_request_can_hold_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "context.json"
    services = ("auth", "registry", "orchestrator", "tool_executor")
    path.write_text(json.dumps(dict.fromkeys(services, "127.0.0.1:1") | {"credential": "key"}))
    (tmp_path / "key").write_text("rkk_x")
    for line in ("agents find", "agents list --filter", "keys create --role tester", "messages send x"):
        assert run(["--context", str(path), *line.split(), "\udcff"]) == 2
        assert "surrogates not allowed" in capsys.readouterr().err


def test_the_context_can_be_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["--context", "/nowhere/c.json", "agents", "list"]) == 1
    assert "/nowhere/c.json" in capsys.readouterr().err
    monkeypatch.setenv("ROOKERY_CONTEXT", "/elsewhere/c.json")
    assert run(["agents", "list"]) == 1
    assert "/elsewhere/c.json" in capsys.readouterr().err


def test_a_context_that_cannot_be_used_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "context.json"
    path.write_text("[]")
    assert run(["--context", str(path), "agents", "list"]) == 2
    assert capsys.readouterr().err.startswith(f"error: {path} does not hold a JSON object\nhint: ")


@pytest.mark.parametrize("group", ["", "agents", "tasks", "messages", "tools", "servers"])
def test_a_group_without_command_shows_its_help(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group.split()) == 2
    assert capsys.readouterr().err.startswith(f"Usage: {' '.join(['rookery', *group.split()])} ")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("rookery 0.")


def test_completion_can_be_shown() -> None:
    # Of the shell that asks, so there must be one among the parents; it stays, since it has more to do.
    command = ["bash", "-c", '"$0" -m rookery_cli --show-completion; exit $?', sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "_ROOKERY_COMPLETE" in done.stdout


def test_a_fault_of_the_command_itself_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("something\nnobody thought of")

    monkeypatch.setattr("rookery_cli.__main__.build", broken)
    assert run([]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error == "error: RuntimeError: something nobody thought of (INTERNAL)"
    assert "ROOKERY_DEBUG" in hint


def test_help_needs_neither_grpc_nor_rich() -> None:
    program = (
        "import sys; from rookery_cli.__main__ import run; run(['--help']); run(['tasks', 'create', '--help'])\n"
        "print([name for name in ('grpc', 'rich', 'rookery_sdk', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_hints_are_for_reasons_that_exist() -> None:
    reasons = {value.name.removeprefix("ERROR_REASON_") for value in error_reason_pb2.ErrorReason.DESCRIPTOR.values}
    hinted = {reason for reason in reasons if hint_for(reason)}
    assert {"AGENT_NOT_FOUND", "TASK_NOT_FOUND", "COMMAND_NOT_ALLOWED", "PERMISSION_MISSING"} <= hinted


def test_every_listing_takes_json_a_limit_and_all() -> None:
    groups = get_command(build()).commands  # type: ignore[attr-defined]
    listings = [group.commands["list"] for group in groups.values() if "list" in getattr(group, "commands", {})]
    assert len(listings) > 10
    for listing in listings:
        assert {"--json", "--limit", "--all"} <= {option for parameter in listing.params for option in parameter.opts}
