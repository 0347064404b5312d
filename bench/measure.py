"""What a suite offers to be measured."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal

Conditions = Mapping[str, str | int | float]


class MeasureFailed(Exception):
    """Something that is measured ended, or did not answer in time; the message tells what."""


class NotMeasurable(Exception):
    """What a measure needs is not to be had here; the message tells why. Its rows are left out, the others go on."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One row of the results. Later tools read rows by suite and name, so a name stays.

    `baseline` says in words what the value is compared with.
    """

    name: str
    unit: str
    better: Literal["higher", "lower"]
    baseline: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One turn of measuring: a value for each quantity by name, and what was observed beside them."""

    values: Mapping[str, float]
    observed: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measure:
    """Takes readings of itself and of its baseline, turn by turn; each turn is bounded in time and in count.

    A round is `turns` turns of the baseline and as many of what is measured, one after the other.
    """

    quantities: tuple[Quantity, ...]
    take: Callable[[], Awaitable[Reading]]
    take_baseline: Callable[[], Awaitable[Reading]]
    turns: int
    conditions: Conditions


def not_measurable(quantity: Quantity, reason: str) -> Measure:
    """Stands for a row that cannot be measured here: every turn raises NotMeasurable with the reason."""

    async def refuse() -> Reading:
        raise NotMeasurable(reason)

    return Measure((quantity,), take=refuse, take_baseline=refuse, turns=1, conditions={})


OpenSuite = Callable[[], AbstractAsyncContextManager[tuple[Measure, ...]]]
"""Opens what the measures of a suite need, and closes it after the last."""
