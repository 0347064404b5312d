"""How long a dying part waits before its next start."""

from random import Random

import pytest
from rookery_local.backoff import Backoff


class NoChance(Random):
    """Shortens nothing."""

    def uniform(self, a: float, b: float) -> float:
        return b


@pytest.mark.capability("D1")
def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(chance=NoChance())
    assert [backoff.next(uptime=0.0) for _ in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


@pytest.mark.capability("D1")
def test_a_part_that_was_healthy_for_long_begins_anew() -> None:
    backoff = Backoff(chance=NoChance())
    for _ in range(5):
        backoff.next(uptime=29.9)
    assert backoff.next(uptime=30.0) == 0.1
    assert backoff.next(uptime=1.0) == 0.2


@pytest.mark.capability("D1")
def test_chance_shortens_a_wait_by_up_to_a_half() -> None:
    waits = [Backoff(first=1.0, chance=Random(seed)).next(uptime=0.0) for seed in range(50)]
    assert all(0.5 <= wait <= 1.0 for wait in waits)
    assert len(set(waits)) > 40


@pytest.mark.capability("D1")
def test_a_part_that_is_down_for_days_never_overflows() -> None:
    backoff = Backoff(chance=NoChance())
    assert {backoff.next(uptime=0.0) for _ in range(5000)} >= {5.0}
