"""Runs a measure beside its baseline, turn about, and sums up."""

import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.measure import Conditions, Measure, Quantity, Reading

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results.

    A round's value is the median of its turns; `value`, `min` and `max` are over the rounds, and so for the baseline.
    `ratio` is the median over all turns of how the value compares with the baseline's of the same turn: 1 is as good,
    more is better, whatever the unit.
    """

    suite: str
    name: str
    value: float
    unit: str
    better: str
    baseline: str
    baseline_value: float
    ratio: float
    min: float
    max: float
    baseline_min: float
    baseline_max: float
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Turn:
    """A reading of the baseline and, right after it, one of what is measured."""

    baseline: Reading
    measured: Reading


async def run(suite: str, measure: Measure, rounds: int = ROUNDS) -> list[Row]:
    """Takes all rounds and answers a row for each quantity."""
    taken = [
        [Turn(await measure.take_baseline(), await measure.take()) for _ in range(measure.turns)] for _ in range(rounds)
    ]
    conditions = {**measure.conditions, "rounds": rounds, "turns_per_round": measure.turns, **_observed(taken)}
    return [_row(suite, quantity, taken, conditions) for quantity in measure.quantities]


def machine() -> Conditions:
    """What a reader must know of the machine to compare figures."""
    return {
        "cpus": os.cpu_count() or 0,
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _row(suite: str, quantity: Quantity, taken: Sequence[Sequence[Turn]], conditions: Conditions) -> Row:
    measured = _by_round(taken, lambda turn: turn.measured.values[quantity.name])
    baseline = _by_round(taken, lambda turn: turn.baseline.values[quantity.name])
    ratios = [_ratio(quantity, turn) for turns in taken for turn in turns]
    return Row(
        suite=suite,
        name=quantity.name,
        value=_rounded(median(measured)),
        unit=quantity.unit,
        better=quantity.better,
        baseline=quantity.baseline,
        baseline_value=_rounded(median(baseline)),
        ratio=round(median(ratios), 3),
        min=_rounded(min(measured)),
        max=_rounded(max(measured)),
        baseline_min=_rounded(min(baseline)),
        baseline_max=_rounded(max(baseline)),
        conditions=conditions,
    )


def _ratio(quantity: Quantity, turn: Turn) -> float:
    measured, baseline = turn.measured.values[quantity.name], turn.baseline.values[quantity.name]
    return measured / baseline if quantity.better == "higher" else baseline / measured


def _by_round(taken: Sequence[Sequence[Turn]], value: Callable[[Turn], float]) -> list[float]:
    return [median(map(value, turns)) for turns in taken]


def _observed(taken: Sequence[Sequence[Turn]]) -> dict[str, float]:
    """What was observed beside the values, as medians over all turns; of the baseline under `baseline_<name>`."""
    turns = [turn for each in taken for turn in each]
    return {
        **_medians("", [turn.measured.observed for turn in turns]),
        **_medians("baseline_", [turn.baseline.observed for turn in turns]),
    }


def _medians(prefix: str, observed: Iterable[Mapping[str, float]]) -> dict[str, float]:
    by_name: dict[str, list[float]] = {}
    for each in observed:
        for name, value in each.items():
            by_name.setdefault(name, []).append(value)
    return {prefix + name: _rounded(median(values)) for name, values in by_name.items()}


def _rounded(value: float) -> float:
    """Four significant digits: more would claim what a shared machine cannot show."""
    return float(f"{value:.4g}")
