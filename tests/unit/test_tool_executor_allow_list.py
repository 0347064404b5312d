from pathlib import Path

import pytest
from rookery_tool_executor.model import CommandNotAllowed, McpServerUnavailable, StdioTransport
from rookery_tool_executor.sessions.allow_list import AllowedCommand, CommandAllowList

pytestmark = pytest.mark.capability("X9")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for name in ("alpha", "beta"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n", encoding="utf-8")
        program.chmod(0o755)
    return tmp_path


def allow_list(programs: Path, *entries: AllowedCommand) -> CommandAllowList:
    return CommandAllowList(entries, str(programs))


def test_an_empty_list_allows_nothing(programs: Path) -> None:
    with pytest.raises(CommandNotAllowed, match="allow-list"):
        allow_list(programs).check(StdioTransport("alpha"))


def test_a_listed_name_is_resolved_on_the_search_path(programs: Path) -> None:
    checked = allow_list(programs, AllowedCommand("alpha")).check(StdioTransport("alpha", ("--x", "y")))
    assert checked.program == str(programs / "alpha")
    assert checked.argv == ("alpha", "--x", "y")


def test_name_and_path_of_one_program_are_the_same_command(programs: Path) -> None:
    by_name = allow_list(programs, AllowedCommand("alpha"))
    by_path = allow_list(programs, AllowedCommand(str(programs / "alpha")))
    assert by_name.check(StdioTransport(str(programs / "alpha"))).program == str(programs / "alpha")
    assert by_path.check(StdioTransport("alpha")).program == str(programs / "alpha")


@pytest.mark.parametrize("command", ["beta", "*", "/bin/sh", "./alpha", "sub/../alpha", "alpha;beta", ""])
def test_what_is_not_listed_is_refused(programs: Path, command: str) -> None:
    with pytest.raises(CommandNotAllowed):
        allow_list(programs, AllowedCommand("alpha")).check(StdioTransport(command))


def test_another_program_of_the_same_name_is_refused(programs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "alpha").write_text("#!/bin/sh\n", encoding="utf-8")
    (other / "alpha").chmod(0o755)
    with pytest.raises(CommandNotAllowed):
        allow_list(programs, AllowedCommand("alpha")).check(StdioTransport(str(other / "alpha")))


def test_leading_arguments_are_demanded_and_more_may_follow(programs: Path) -> None:
    allowed = allow_list(programs, AllowedCommand("alpha", args_prefix=("-m", "server")))
    assert allowed.check(StdioTransport("alpha", ("-m", "server", "--port", "1"))).argv[3:] == ("--port", "1")
    for args in ((), ("-m",), ("-m", "evil"), ("-c", "-m", "server")):
        with pytest.raises(CommandNotAllowed, match="leading arguments"):
            allowed.check(StdioTransport("alpha", args))


def test_one_entry_that_fits_is_enough(programs: Path) -> None:
    allowed = allow_list(
        programs,
        AllowedCommand("alpha", args_prefix=("one",)),
        AllowedCommand("alpha", args_prefix=("two",)),
    )
    assert allowed.check(StdioTransport("alpha", ("two",))).argv == ("alpha", "two")


@pytest.mark.parametrize(
    "name", ["LD_PRELOAD", "PYTHONPATH", "pythonstartup", "NODE_OPTIONS", "PATH", "BASH_ENV", "GIT_SSH_COMMAND"]
)
def test_a_variable_that_could_load_other_code_is_refused(programs: Path, name: str) -> None:
    allowed = allow_list(programs, AllowedCommand("alpha"))
    with pytest.raises(CommandNotAllowed, match=name):
        allowed.check(StdioTransport("alpha", env=((name, "x"),)))
    assert allowed.check(StdioTransport("alpha", env=(("API_KEY", "x"),))).program


def test_listed_variables_are_the_only_ones_and_may_be_any(programs: Path) -> None:
    allowed = allow_list(programs, AllowedCommand("alpha", env_names=frozenset({"PYTHONPATH"})))
    assert allowed.check(StdioTransport("alpha", env=(("PYTHONPATH", "x"),))).program
    with pytest.raises(CommandNotAllowed, match="API_KEY"):
        allowed.check(StdioTransport("alpha", env=(("API_KEY", "x"),)))


def test_a_working_directory_must_lie_within_the_listed_folders(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "jail").mkdir()
    (tmp_path / "jail" / "out").symlink_to("/")
    allowed = allow_list(programs, AllowedCommand("alpha", cwd_roots=(str(tmp_path / "jail"),)))
    assert allowed.check(StdioTransport("alpha", cwd=str(tmp_path / "jail"))).program
    for cwd in ("/", "jail", str(tmp_path / "jail" / ".."), str(tmp_path / "jail" / "out")):
        with pytest.raises(CommandNotAllowed, match="working directory"):
            allowed.check(StdioTransport("alpha", cwd=cwd))
    with pytest.raises(CommandNotAllowed, match="working directory"):
        allow_list(programs, AllowedCommand("alpha")).check(StdioTransport("alpha", cwd=str(tmp_path)))


def test_an_allowed_command_that_is_not_installed_is_unavailable(programs: Path) -> None:
    with pytest.raises(McpServerUnavailable, match="not installed"):
        allow_list(programs, AllowedCommand("gamma")).check(StdioTransport("gamma"))


def test_secrets_in_variables_are_in_no_representation() -> None:
    assert "hunter2" not in repr(StdioTransport("alpha", env=(("TOKEN", "hunter2"),)))
