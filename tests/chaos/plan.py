"""Who is killed when: chosen by a seed, so that a run can be repeated."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LONGEST_PEACE = 4.0
_LONGEST_ABSENCE = 2.5


@dataclass(frozen=True, slots=True)
class Kill:
    """After `peace` seconds `victim` is killed with no warning; `absence` seconds later it is started again."""

    victim: str
    peace: float
    absence: float


def kills(seed: int, victims: Sequence[str]) -> Iterator[Kill]:
    """Endlessly many. Every victim has its turn before any has its second."""
    chance = random.Random(seed)
    while True:
        for victim in chance.sample(victims, len(victims)):
            yield Kill(victim, chance.uniform(0.2, _LONGEST_PEACE), chance.uniform(0, _LONGEST_ABSENCE))
