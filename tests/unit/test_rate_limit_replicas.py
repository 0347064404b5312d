"""Replicas that tell each other what they admit, in time that is simulated."""

import random
from collections.abc import Sequence

import pytest
from harness.limited_callers import HeldClock, admitted, caller, limiter, refused
from rookery_kit.rate_limits import RateLimiter
from rookery_kit.rate_limits.limiter import Usage
from rookery_kit.rate_limits.usage_report import decode, encode

STEP = 0.002
SPACING = 0.02
ON_THE_WAY = 0.004


class Replicas:
    """So many limiters at one rate, whose reports take `ON_THE_WAY` seconds."""

    def __init__(self, count: int, rate: int) -> None:
        self.clock = HeldClock()
        self.limiters = [limiter(self.clock, rate=rate) for _ in range(count)]
        self._under_way: list[tuple[float, RateLimiter, list[Usage]]] = []

    def exchange(self) -> None:
        """Delivers what has arrived, and sends what there is to tell."""
        now = self.clock.seconds
        arrived = [report for report in self._under_way if report[0] <= now]
        self._under_way = [report for report in self._under_way if report[0] > now]
        for _, sender, usages in arrived:
            for each in self.limiters:
                if each is not sender:
                    for usage in usages:
                        each.charge(usage)
        if int(now / STEP) % int(SPACING / STEP) == 0:
            for each in self.limiters:
                if each.due.is_set():
                    self._under_way.append((now + ON_THE_WAY, each, each.take_usage()))

    def offer(self, per_second: Sequence[float], seconds: float) -> int:
        """How many are admitted of so many calls per second at each replica, which arrive at random."""
        draw, total = random.Random(7), 0
        for _ in range(int(seconds / STEP)):
            self.exchange()
            for each, rate in zip(self.limiters, per_second, strict=True):
                total += admitted(each, caller(), arrivals(draw, rate * STEP))
            self.clock.seconds += STEP
        return total


def arrivals(draw: random.Random, expected: float) -> int:
    """How many calls arrive, by Poisson's distribution."""
    count, time = 0, draw.expovariate(1)
    while time < expected:
        count, time = count + 1, time + draw.expovariate(1)
    return count


@pytest.mark.capability("A7")
@pytest.mark.parametrize("rate", [5, 50, 1000])
@pytest.mark.parametrize(
    "load", [(2.5,), (1, 1, 1), (2.2, 0.2, 0.1), (0, 2, 0), (0.2,) * 12], ids=["one", "even", "skewed", "sticky", "12"]
)
def test_an_overload_gets_the_limit_to_within_a_tenth_however_it_is_spread(rate: int, load: Sequence[float]) -> None:
    total = Replicas(len(load), rate).offer([share * rate for share in load], seconds=10)
    assert total == pytest.approx(10 * rate, rel=0.1)


@pytest.mark.capability("A7")
@pytest.mark.parametrize("rate", [5, 50, 1000])
def test_a_flood_at_every_replica_stays_within_a_tenth_too(rate: int) -> None:
    assert Replicas(3, rate).offer([5_000] * 3, seconds=10) <= 11 * rate


@pytest.mark.capability("A7")
@pytest.mark.parametrize("load", [(0.27,) * 3, (0.8, 0, 0)], ids=["even", "sticky"])
def test_hardly_anyone_is_refused_who_stays_below_the_limit(load: Sequence[float]) -> None:
    rate = 1000
    offered = [share * rate for share in load]
    total = Replicas(len(load), rate).offer(offered, seconds=10)
    assert total == pytest.approx(sum(offered) * 10, rel=0.05)


def test_a_caller_that_goes_to_another_replica_finds_no_fresh_burst() -> None:
    replicas = Replicas(2, 40)
    first, second = replicas.limiters
    assert admitted(first, caller(), 100) == 11
    for usage in first.take_usage():
        second.charge(usage)
    assert refused(second, caller()) is not None


def test_a_debt_is_bounded_so_that_no_report_shuts_a_caller_out_for_long() -> None:
    clock = HeldClock()
    limits = limiter(clock, rate=1000)
    limits.charge((("principal", "default", "agent:1"), 10**9, 1000))
    refusal = refused(limits, caller())
    assert refusal is not None
    clock.seconds += 3.1
    assert refused(limits, caller()) is None


def test_what_was_told_is_not_told_again_and_little_is_not_told_at_once() -> None:
    limits = limiter(HeldClock(), rate=1000)
    admitted(limits, caller(), 9)
    assert not limits.due.is_set()
    admitted(limits, caller(), 1)
    assert limits.due.is_set()
    assert limits.take_usage() == [(("principal", "default", "agent:1"), 10, 1000)]
    assert not limits.due.is_set()
    assert limits.take_usage() == []


def test_what_was_admitted_while_nobody_listened_is_not_held_against_the_caller() -> None:
    limits = limiter(HeldClock(), rate=1000)
    admitted(limits, caller(), 9)
    limits.reconciled = False
    admitted(limits, caller(), 100)
    limits.reconciled = True
    admitted(limits, caller(), 9)
    assert limits.take_usage() == []


def test_a_report_arrives_as_it_was_sent() -> None:
    usages: list[Usage] = [
        (("principal", "acme", "agent:1"), 12, 1000),
        (("key", "acme", "k1"), 3, 50),
        (("tenant", "acme", ""), 15, 2000),
    ]
    replica, arrived = decode(encode("r1", usages))
    assert (replica, list(arrived)) == ("r1", usages)
    assert decode(encode("r1", []))[0] == "r1"


def test_what_is_no_report_is_refused() -> None:
    with pytest.raises(ValueError, match="not a report"):
        decode(b"\xff\xff")
