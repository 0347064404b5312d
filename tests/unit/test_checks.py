import pytest

from tools.checks.__main__ import main, sum_up
from tools.checks.pytest_runs import failures
from tools.checks.step import Failed, Outcome, Skipped, Step, take


def passes() -> str:
    return "all well"


def fails() -> str:
    raise Failed("one fault")


def cannot() -> str:
    raise Skipped("there is no git")


def test_a_fault_and_a_skip_are_outcomes_with_their_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [take(Step(run.__name__, run)) for run in (passes, fails, cannot)]
    assert [(outcome.verdict, outcome.note) for outcome in outcomes] == [
        ("ok", "all well"),
        ("FAILED", "one fault"),
        ("skipped", "there is no git"),
    ]
    printed = capsys.readouterr().out
    assert "= passes =" in printed
    assert "skipped: there is no git" in printed


def test_the_last_lines_are_those_of_the_test_runs(capsys: pytest.CaptureFixture[str]) -> None:
    tests = Outcome(Step("tests", passes, is_test_run=True), "ok", "== 7 passed in 1.00s ==", 1.0)
    types = Outcome(Step("types", fails), "FAILED", "mypy ended with 1", 2.0)
    sum_up([tests, types])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "== 7 passed in 1.00s =="
    assert "FAILED   types                       2.0 s  mypy ended with 1" in lines


def test_an_unknown_check_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "astrology"])
    assert ended.value.code == 2
    assert "astrology" in capsys.readouterr().err


def test_failures_are_counted_from_the_summary_of_pytest() -> None:
    assert failures("==== 2 failed, 96 passed, 1 error in 442.97s (0:07:22) ====") == 3
    assert failures("==== 97 passed, 3 errors in 1.2s ====") == 3
    assert failures("==== 97 passed in 1.2s ====") == 0
