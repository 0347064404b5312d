import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bench.measure import Measure, Quantity, Reading
from bench.report import show, write
from bench.rounds import Row, run

RATE = Quantity("calls", "calls/s", "higher", "a bare echo")
LATENCY = Quantity("latency", "ms", "lower", "a bare echo")


def taking(log: list[str], name: str, values: Sequence[tuple[float, float]]) -> Callable[[], Awaitable[Reading]]:
    """Takes one pair of values after the other."""
    left = iter(values)

    async def take() -> Reading:
        log.append(name)
        rate, latency = next(left)
        return Reading({"calls": rate, "latency": latency}, {"cpu_us": rate / 10})

    return take


async def rows(log: list[str], *, turns: int = 1) -> list[Row]:
    """Three rounds of a measure that gets better, beside a baseline that stays."""
    measured = [(100, 2.0), (200, 1.0), (400, 0.5)] * turns
    measure = Measure(
        (RATE, LATENCY),
        take=taking(log, "measured", measured),
        take_baseline=taking(log, "baseline", [(200, 1.0)] * 3 * turns),
        turns=turns,
        conditions={"payload_bytes": 512},
    )
    return await run("rpc", measure)


async def test_the_baseline_and_what_is_measured_take_turns() -> None:
    log: list[str] = []
    await rows(log, turns=2)
    assert log == ["baseline", "measured"] * 6


async def test_a_row_holds_median_least_and_greatest_of_the_rounds() -> None:
    rate, latency = await rows([])
    assert (rate.suite, rate.name, rate.unit, rate.better, rate.baseline) == (
        "rpc",
        "calls",
        "calls/s",
        "higher",
        "a bare echo",
    )
    assert (rate.value, rate.min, rate.max, rate.baseline_value) == (200, 100, 400, 200)
    assert (latency.value, latency.min, latency.max) == (1.0, 0.5, 2.0)


async def test_a_ratio_above_one_is_better_whatever_the_unit() -> None:
    log: list[str] = []
    measure = Measure(
        (RATE, LATENCY), taking(log, "m", [(300, 0.5)] * 3), taking(log, "b", [(200, 1.0)] * 3), 1, conditions={}
    )
    rate, latency = await run("rpc", measure)
    assert (rate.ratio, latency.ratio) == (1.5, 2.0)


async def test_conditions_tell_what_was_observed_on_both_sides() -> None:
    rate, _ = await rows([])
    assert rate.conditions == {
        "payload_bytes": 512,
        "rounds": 3,
        "turns_per_round": 1,
        "cpu_us": 20,
        "baseline_cpu_us": 20,
    }


async def test_results_are_a_list_of_rows_and_other_suites_keep_theirs(tmp_path: Path) -> None:
    target = tmp_path / "results" / "latest.json"
    measured = await rows([])
    write([replace(measured[0], suite="start")], target)
    write(measured, target)
    write(measured, target)
    kept = json.loads(target.read_text())
    assert [(row["suite"], row["name"]) for row in kept] == [("start", "calls"), ("rpc", "calls"), ("rpc", "latency")]
    assert {"value", "unit", "better", "baseline", "baseline_value", "ratio", "conditions", "min", "max"} <= kept[
        0
    ].keys()
    assert [path.name for path in target.parent.iterdir()] == ["latest.json"]


@pytest.mark.parametrize("terminal", [True, False])
async def test_the_table_has_a_line_for_each_row(terminal: bool) -> None:
    written = StringIO()
    show(await rows([]), Console(file=written, force_terminal=terminal, width=160))
    lines = written.getvalue().splitlines()
    assert len([line for line in lines if "a bare echo" in line]) == 2
    assert ("\x1b[" in written.getvalue()) == terminal
