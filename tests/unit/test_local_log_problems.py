"""Finding the latest trouble in the logs."""

import json
from pathlib import Path

import pytest
from rookery_local.log_problems import LogProblems, problem_in


@pytest.mark.capability("D1")
@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (json.dumps({"level": "error", "event": "relay failed", "error": "no route"}), "relay failed: no route"),
        (json.dumps({"level": "warning", "event": "bus disconnected"}), "bus disconnected"),
        (json.dumps({"level": "info", "event": "serving"}), None),
        ("[7] 2026/11/21 03:44:32.845018 [FTL] Error listening on port", "Error listening on port"),
        ("[7] 2026/11/21 03:44:32.845018 [INF] Server is ready", None),
        ("2026-11-21 03:42:37.280 UTC [8] FATAL:  the database system is shutting down", "the database system is "),
        ("2026-11-21 03:42:37.280 UTC [8] ERROR:  duplicate key", None),
        ("{half a line", None),
        ("", None),
    ],
)
def test_a_problem_is_told_from_an_ordinary_line(line: str, problem: str | None) -> None:
    found = problem_in(line)
    assert found == problem if problem is None else found is not None and found.startswith(problem)


@pytest.mark.capability("D1")
def test_only_what_is_written_after_the_start_counts_and_the_latest_wins(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text('{"level": "error", "event": "old"}\n')
    problems = LogProblems({"auth": log, "absent": tmp_path / "absent.log"})
    problems.look()
    assert problems.latest is None
    with log.open("a") as stream:
        stream.write('{"level": "error", "event": "one"}\n{"level": "error", "event": "two"}\n{"level": "info"}\n')
    problems.look()
    assert problems.latest == ("auth", "two")


@pytest.mark.capability("D1")
def test_a_log_that_was_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text("x" * 500)
    problems = LogProblems({"auth": log})
    log.write_text('{"level": "critical", "event": "after"}\n')
    problems.look()
    assert problems.latest == ("auth", "after")
