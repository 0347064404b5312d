"""Replicas over a real bus: limits hold over all of them, and it shows when they do not."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

import pytest
from harness.eventually import eventually
from harness.limited_callers import RatesOf, caller
from harness.nats_server import RestartableNats
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import RATE_USAGE_SUBJECT
from rookery_kit.bus.topology import Topology
from rookery_kit.clock import SystemClock
from rookery_kit.identity import Principal
from rookery_kit.rate_limits import OutagePolicy, RateLimiter, Reconciliation

SECONDS = 10.0
TICK = 0.005
# A bucket holds a quarter of a second's worth.
TICKS_APART = 0.25


@asynccontextmanager
async def replica(nats: RestartableNats, outage: OutagePolicy = "open") -> AsyncIterator[RateLimiter]:
    """A limiter with a connection of its own, which reports and hears of the others."""
    clock = SystemClock()
    limits = RateLimiter(principal_rate=0, tenants=RatesOf(), outage=outage, monotonic=clock.monotonic)
    bus = await Bus.connect(nats.url(), name="replica", topology=Topology())
    reconciliation = Reconciliation(limits, bus, clock)
    await reconciliation.start()
    running = asyncio.create_task(reconciliation.run())
    try:
        yield limits
    finally:
        running.cancel()
        await asyncio.wait([running])
        await bus.close()


@asynccontextmanager
async def replicas(nats: RestartableNats, count: int) -> AsyncIterator[list[RateLimiter]]:
    async with AsyncExitStack() as opened:
        yield [await opened.enter_async_context(replica(nats)) for _ in range(count)]


@dataclass
class Load:
    """A caller with a limit, and what it offers at each replica, as a multiple of the limit."""

    rate: int
    shares: Sequence[float]
    who: Principal = field(init=False)
    offered: int = 0
    admitted: int = 0

    def __post_init__(self) -> None:
        name = f"{self.rate}-{'-'.join(map(str, self.shares))}"
        self.who = caller(f"agent:{name}", key=name, key_rate=self.rate)

    def offer(self, limiters: Sequence[RateLimiter], elapsed: float, owed: list[float]) -> None:
        """Sends what is due by now at each replica."""
        for number, (limits, share) in enumerate(zip(limiters, self.shares, strict=True)):
            while owed[number] < elapsed * share * self.rate:
                owed[number] += 1
                self.offered += 1
                self.admitted += limits.decide(self.who)[1] is None


async def drive(limiters: Sequence[RateLimiter], loads: Sequence[Load]) -> tuple[float, float]:
    """Offers all loads for some seconds, at the pace of the clock.

    Answers for how many seconds, and for how many of them nothing was offered for so long that buckets ran over,
    because the machine was busy with something else.
    """
    begun, done = monotonic(), asyncio.get_running_loop().create_future()
    owed = [[0.0] * len(limiters) for _ in loads]
    last, idle = 0.0, 0.0

    def tick() -> None:
        nonlocal last, idle
        elapsed = monotonic() - begun
        idle += max(0.0, elapsed - last - TICKS_APART)
        last = elapsed
        for load, counts in zip(loads, owed, strict=True):
            load.offer(limiters, elapsed, counts)
        if elapsed >= SECONDS:
            done.set_result(elapsed)
        else:
            asyncio.get_running_loop().call_later(TICK, tick)

    tick()
    elapsed: float = await done
    return elapsed, idle


@pytest.mark.capability("A7")
async def test_three_replicas_admit_the_limit_to_within_a_tenth(nats_server: RestartableNats) -> None:
    loads = [
        Load(rate, shares)
        for rate in (5, 50, 400)
        for shares in ((1.0, 1.0, 1.0), (0.7, 0.7, 0.7), (2.0, 0.3, 0.1), (0.0, 2.5, 0.0))
    ]
    async with replicas(nats_server, 3) as limiters:
        seconds, idle = await drive(limiters, loads)
    # And one: at 5 a second, each of three replicas may have admitted two before the first report arrived.
    assert all(load.admitted <= 1.1 * load.rate * seconds + 1 for load in loads), loads
    assert all(load.admitted >= 0.9 * load.rate * (seconds - idle) for load in loads), loads


@pytest.mark.capability("A7")
async def test_what_one_replica_admits_is_gone_at_the_others(nats_server: RestartableNats) -> None:
    who = caller(key="k1", key_rate=1)
    async with replicas(nats_server, 2) as (first, second):
        assert first.decide(who)[1] is None
        await eventually(lambda: second.decide(who)[1] is not None)


@pytest.mark.capability("A7")
async def test_losing_the_bus_is_noticed_and_so_is_its_return(nats_server: RestartableNats) -> None:
    who = caller(key="k1", key_rate=1)
    async with replica(nats_server, "open") as going_on, replica(nats_server, "closed") as refusing:
        assert all(each.reconciled for each in (going_on, refusing))
        await nats_server.kill()
        await eventually(lambda: not any(each.reconciled for each in (going_on, refusing)))
        assert [going_on.decide(who)[1] is None for _ in range(20)].count(True) == 1
        refusal = refusing.decide(who)[1]
        assert refusal is not None
        assert refusal.reason == "RATE_LIMITER_UNAVAILABLE"
        await nats_server.restart()
        await eventually(lambda: all(each.reconciled for each in (going_on, refusing)))
        assert refusing.decide(who)[1] is None


@pytest.mark.capability("A7")
async def test_a_bus_that_answers_and_passes_no_report_on_counts_as_lost(
    nats_server: RestartableNats, bus: Bus
) -> None:
    clock = SystemClock()
    limits = RateLimiter(principal_rate=1, tenants=RatesOf(), outage="closed", monotonic=clock.monotonic)
    reconciliation = Reconciliation(limits, bus, clock)
    await reconciliation.start()
    assert limits.reconciled
    running = asyncio.create_task(reconciliation.run())
    (reports,) = [each for each in bus.client._subs.values() if each.subject == RATE_USAGE_SUBJECT]
    await reports.unsubscribe()
    await eventually(lambda: limits.refusing)
    await bus.ping()
    running.cancel()
    await asyncio.wait([running])


async def test_a_malformed_report_is_dropped_and_the_next_is_heard(nats_server: RestartableNats, bus: Bus) -> None:
    who = caller(key="k1", key_rate=1)
    async with replicas(nats_server, 2) as (first, second):
        await bus.client.publish(RATE_USAGE_SUBJECT, b"\xff\xff")
        await bus.client.flush()
        assert first.decide(who)[1] is None
        await eventually(lambda: second.decide(who)[1] is not None)
