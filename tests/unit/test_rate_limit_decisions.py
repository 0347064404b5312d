from dataclasses import replace

import pytest
from harness.limited_callers import HeldClock, RatesOf, admitted, caller, limiter, refused
from hypothesis import given
from hypothesis import strategies as st
from rookery_kit.errors import Unavailable
from rookery_kit.rate_limits.refusals import RateLimited, RateLimiterUnavailable


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


def burst(rate: int) -> int:
    """What may be done at once after a silence: a quarter of a second's worth, and one."""
    return rate // 4 + 1


@pytest.mark.capability("A7")
@given(
    rate=st.integers(1, 2000),
    arrivals=st.lists(st.tuples(st.floats(0, 2), st.integers(0, 300)), max_size=60),
)
def test_no_more_is_admitted_than_rate_times_time_and_a_burst(rate: int, arrivals: list[tuple[float, int]]) -> None:
    clock = HeldClock()
    limits, begun, total = limiter(clock, rate=rate), clock.seconds, 0
    for pause, offered in arrivals:
        clock.seconds += pause
        total += admitted(limits, caller(), offered)
        assert total <= rate * (clock.seconds - begun) + rate / 4 + 1 + 1e-6


@given(rate=st.integers(1, 5000), pauses=st.lists(st.floats(0, 1), max_size=60))
def test_who_keeps_to_the_rate_is_never_refused(rate: int, pauses: list[float]) -> None:
    clock = HeldClock()
    limits = limiter(clock, rate=rate)
    for pause in pauses:
        clock.seconds += 1 / rate + pause
        assert refused(limits, caller()) is None


@pytest.mark.capability("A7")
def test_a_refusal_says_when_there_is_room_and_that_is_true(clock: HeldClock) -> None:
    limits = limiter(clock, rate=20)
    assert admitted(limits, caller(), 100) == burst(20)
    refusal = refused(limits, caller())
    assert isinstance(refusal, RateLimited)
    assert refusal.retry_after is not None
    assert 0 < refusal.retry_after <= 1 / 20
    clock.seconds += refusal.retry_after - 0.001
    assert refused(limits, caller()) is not None
    clock.seconds += 0.0011
    assert refused(limits, caller()) is None


def test_a_refusal_names_whose_limit_was_reached(clock: HeldClock) -> None:
    limits = limiter(clock, rate=8, tenants=RatesOf(acme=8))
    admitted(limits, caller("agent:7", "acme"), 100)
    refusal = refused(limits, caller("agent:7", "acme"))
    assert isinstance(refusal, RateLimited)
    eight = "8 requests per second"
    assert refusal.quota_violations == (("principal:agent:7", eight), ("tenant:acme", eight))


@pytest.mark.capability("A7")
def test_one_principal_that_is_too_fast_leaves_another_its_own(clock: HeldClock) -> None:
    limits = limiter(clock, rate=20)
    admitted(limits, caller("agent:1"), 1000)
    assert admitted(limits, caller("agent:2"), 1000) == burst(20)
    assert admitted(limits, caller("agent:1", "elsewhere"), 1000) == burst(20)


@pytest.mark.capability("A7")
def test_who_acts_for_others_spends_its_own_limit_and_not_theirs(clock: HeldClock) -> None:
    limits = limiter(clock, rate=20)
    acting = [replace(caller(subject), actors=("agent:9", "agent:8")) for subject in ("agent:1", "agent:2")]
    assert sum(admitted(limits, each, 1000) for each in acting) == burst(20)
    assert refused(limits, caller("agent:9")) is not None
    for bystander in ("agent:1", "agent:2", "agent:8"):
        assert admitted(limits, caller(bystander), 1000) == burst(20)


@pytest.mark.capability("A7")
def test_the_tokens_of_one_key_share_its_limit(clock: HeldClock) -> None:
    limits = limiter(clock)
    first, second = caller("user:ci", key="k1", key_rate=8), caller("user:ops", key="k1", key_rate=8)
    assert admitted(limits, first, 2) + admitted(limits, second, 100) == burst(8)
    assert admitted(limits, caller("user:ci", key="k2", key_rate=8), 100) == burst(8)


@pytest.mark.capability("A7")
def test_the_principals_of_a_tenant_share_its_quota(clock: HeldClock) -> None:
    limits = limiter(clock, tenants=RatesOf(acme=40))
    assert sum(admitted(limits, caller(f"agent:{n}", "acme"), 5) for n in range(10)) == burst(40)
    assert admitted(limits, caller("agent:1", "other"), 1000) == 1000


def test_a_call_that_one_limit_refuses_costs_the_others_nothing(clock: HeldClock) -> None:
    limits = limiter(clock, rate=400, tenants=RatesOf(acme=4))
    assert admitted(limits, caller("agent:1", "acme"), 500) == burst(4)
    clock.seconds += 0.25
    headers, _ = limits.decide(caller("agent:1"))
    assert f"remaining={burst(400) - 1}," in dict(headers)["ratelimit"]


@pytest.mark.capability("A7")
def test_the_tightest_limit_is_told(clock: HeldClock) -> None:
    limits = limiter(clock, rate=400, tenants=RatesOf(acme=8))
    headers, _ = limits.decide(caller("agent:1", "acme"))
    assert headers == (("ratelimit", "limit=8, remaining=2, reset=1"),)


@pytest.mark.capability("A7")
def test_who_is_far_from_its_limit_is_told_now_and_then_and_others_each_time(clock: HeldClock) -> None:
    limits = limiter(clock, rate=400)

    def is_told() -> bool:
        headers, refusal = limits.decide(caller())
        assert refusal is None
        return bool(headers)

    told = [is_told() for _ in range(burst(400))]
    quarter = burst(400) // 4
    assert told == [True, *[False] * (quarter - 1), *[True] * (burst(400) - quarter)]
    clock.seconds += 1
    assert [is_told(), is_told()] == [True, False]
    clock.seconds += 0.051
    assert [is_told(), is_told()] == [True, False]


def test_who_has_no_limit_is_told_none(clock: HeldClock) -> None:
    limits = limiter(clock)
    assert limits.decide(caller(key="k1", key_rate=0)) == ((), None)


def test_a_changed_quota_counts_from_the_next_call_on(clock: HeldClock) -> None:
    tenants = RatesOf(acme=4)
    limits = limiter(clock, tenants=tenants)
    admitted(limits, caller("agent:1", "acme"), 100)
    tenants.rates["acme"] = 400
    assert admitted(limits, caller("agent:1", "acme"), 1000) == 0
    clock.seconds += 1
    assert admitted(limits, caller("agent:1", "acme"), 1000) == burst(400)
    clock.seconds += 1
    tenants.rates["acme"] = 4
    assert admitted(limits, caller("agent:1", "acme"), 1000) == burst(4)


def test_only_so_many_callers_are_remembered(clock: HeldClock) -> None:
    limits = limiter(clock, rate=4, most_buckets=3)
    for n in (1, 2, 3):
        admitted(limits, caller(f"agent:{n}"), 10)
    assert refused(limits, caller("agent:1")) is not None
    admitted(limits, caller("agent:4"), 10)
    assert refused(limits, caller("agent:1")) is not None, "it called after agent:2 did, which is forgotten"
    assert refused(limits, caller("agent:2")) is None


def test_while_replicas_do_not_hear_each_other_an_open_limiter_goes_on_alone(clock: HeldClock) -> None:
    limits = limiter(clock, rate=20, outage="open", reconciled=False)
    assert not limits.refusing
    assert admitted(limits, caller(), 1000) == burst(20)


def test_while_replicas_do_not_hear_each_other_a_closed_limiter_refuses_what_has_a_limit(clock: HeldClock) -> None:
    limits = limiter(clock, tenants=RatesOf(acme=20), outage="closed", reconciled=False)
    assert limits.refusing
    refusal = refused(limits, caller("agent:1", "acme"))
    assert isinstance(refusal, RateLimiterUnavailable)
    assert isinstance(refusal, Unavailable)
    assert refusal.retry_after == 1.0
    assert refused(limits, caller("agent:1", "unlimited")) is None
    limits.reconciled = True
    assert refused(limits, caller("agent:1", "acme")) is None


def test_refusals_are_counted_by_the_limit_that_is_slowest_to_give_room(clock: HeldClock) -> None:
    limits = limiter(clock, rate=8, tenants=RatesOf(acme=4))
    admitted(limits, caller("agent:1", "acme"), 10)
    admitted(limits, caller("agent:1"), 10)
    assert limits.refused == {"principal": 7, "key": 0, "tenant": 8, "outage": 0}
