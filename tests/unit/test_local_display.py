"""What the person who started the suite sees."""

import io
import re

import pytest
from rookery_local.display import PlainDisplay, open_display
from rookery_local.live_display import LiveDisplay, duration
from rookery_local.options import UpOptions
from rookery_local.unit import PartStatus, State

pytestmark = pytest.mark.capability("D1")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text: str, /) -> int:
        raise BrokenPipeError


def status(state: State, *, restarts: int = 0, problem: str = "") -> PartStatus:
    return PartStatus("auth", state, 42, 7101, 7201, restarts, 0.0, problem)


def test_a_pipe_gets_plain_lines_one_for_each_event() -> None:
    stream = io.StringIO()
    display = open_display(UpOptions(), stream)
    for each in (
        status(State.STARTING),
        status(State.SERVING),
        status(State.BACKING_OFF, problem="ended by SIGKILL"),
        status(State.STARTING, restarts=1),
        status(State.SERVING, restarts=1),
        status(State.STOPPING, restarts=1),
        status(State.STOPPED, restarts=1),
    ):
        display.changed(each)
    display.refresh([], {}, ("auth", "trouble"))
    display.ready("READY in 1.0s")
    display.close()
    lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in stream.getvalue().splitlines()]
    assert lines == [
        "auth: starting",
        "auth: serving (pid 42)",
        "auth: ended by SIGKILL; it is started again",
        "auth: serving after restart 1 (pid 42)",
        "auth: stopped",
        "READY in 1.0s",
    ]


def test_a_terminal_gets_one_screen_with_every_part_and_the_last_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    display = open_display(UpOptions(), stream)
    assert isinstance(display, LiveDisplay)
    display.say("hello")
    display.changed(status(State.STARTING))
    display.refresh([status(State.SERVING, restarts=3)], {42: 64 * 1024 * 1024}, ("nats", "disk is full"))
    display.ready("READY in 1.0s  " + "address " * 20)
    display.close()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert re.search(r"auth +serving +42 +7101 +3 +64 MiB", shown)
    assert "last problem in the logs: nats: disk is full" in shown
    assert any(line.startswith("READY") and line.count("address") == 20 for line in shown.splitlines())


@pytest.mark.parametrize("options", [UpOptions(no_color=True), UpOptions(quiet=True)])
def test_who_wants_no_screen_on_a_terminal_gets_lines(options: UpOptions) -> None:
    assert isinstance(open_display(options, Terminal()), PlainDisplay)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_the_environment_can_ask_for_plain_lines_too(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert isinstance(open_display(UpOptions(), Terminal()), PlainDisplay)


@pytest.mark.parametrize("display", [PlainDisplay(Closed()), LiveDisplay(Closed())])
def test_a_reader_that_has_gone_away_ends_nothing(display: PlainDisplay | LiveDisplay) -> None:
    display.say("x")
    display.changed(status(State.SERVING))
    display.refresh([status(State.SERVING)], {}, None)
    display.ready("READY")
    display.close()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (7800, "2 h 10 min"), (3 * 86400 + 4 * 3600, "3 d 4 h")],
)
def test_times_are_shown_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
