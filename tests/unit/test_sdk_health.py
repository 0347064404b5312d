import asyncio

import pytest
from rookery_sdk.health import HealthMeter, resident_bytes


class Machine:
    """Clock, processor and memory of the test's."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.used = 50.0

    def meter(self, capacity: int = 8) -> HealthMeter:
        return HealthMeter(capacity, clock=lambda: self.now, processor=lambda: self.used, memory=lambda: 1234)


async def test_handlers_are_counted_with_their_time_and_their_failures() -> None:
    machine = Machine()
    meter = machine.meter()

    async def handle(seconds: float, outcome: str) -> str:
        machine.now += seconds
        return outcome

    counted = meter.counting(handle, lambda outcome: outcome == "failed")
    for seconds, outcome in ((0.1, "done"), (0.3, "failed"), (0.2, "done"), (0.2, "done")):
        assert await counted(seconds, outcome) == outcome
    metrics = meter.metrics()
    assert (metrics.requests_handled, metrics.error_rate) == (4, 0.25)
    assert metrics.mean_response_ms == pytest.approx(200)
    assert (metrics.memory_bytes, metrics.capacity, metrics.in_flight) == (1234, 8, 0)


async def test_rates_and_means_are_over_the_last_minute_and_the_count_is_over_all() -> None:
    machine = Machine()
    meter = machine.meter()

    async def fail() -> None:
        machine.now += 0.5

    counted = meter.counting(fail, lambda _: True)
    for _ in range(200):
        await counted()
    assert meter.metrics().error_rate == 1
    machine.now += 120
    metrics = meter.metrics()
    assert (metrics.requests_handled, metrics.error_rate, metrics.mean_response_ms) == (200, 0, 0)


async def test_what_runs_is_in_flight_and_what_is_cancelled_counts_for_nothing() -> None:
    meter = Machine().meter()
    counted = meter.counting(asyncio.Event().wait, lambda _: False)
    running = [asyncio.create_task(counted()) for _ in range(3)]
    await asyncio.wait(running, timeout=0.01)
    assert meter.metrics().in_flight == 3
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    metrics = meter.metrics()
    assert (metrics.in_flight, metrics.requests_handled) == (0, 0)


def test_processor_time_is_told_in_cores_over_the_last_minute() -> None:
    machine = Machine()
    meter = machine.meter()
    assert meter.metrics().cpu_fraction == 0
    machine.now, machine.used = machine.now + 10, machine.used + 15
    assert meter.metrics().cpu_fraction == pytest.approx(1.5)
    for _ in range(10):
        machine.now += 10
        assert meter.metrics().cpu_fraction >= 0
    assert meter.metrics().cpu_fraction == 0


def test_this_process_has_memory() -> None:
    assert resident_bytes() > 1_000_000
