import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from harness.eventually import eventually
from opentelemetry.metrics import Meter
from rookery_kit.postgres.database import DatabaseUnavailable
from rookery_registry.health.recorder import HealthRecorder
from rookery_registry.health.reports import HealthMetrics, Report
from rookery_registry.heartbeats.beats import Beat, Kept, Outcome
from rookery_registry.heartbeats.groups import GIVE_UP_SECONDS, BeatGroups
from rookery_registry.heartbeats.pulse import Answer, Pulse

MINUTE = timedelta(minutes=1)
KEPT = Kept(MINUTE, draining=False, card_stale=False)
METRICS = HealthMetrics(1, 1.0, 0.0, 0.0, 1, 0, 8)


class Store:
    """Keeps every beat, unless it is away."""

    def __init__(self) -> None:
        self.groups: list[Sequence[Beat]] = []
        self.away = False

    async def keep(self, beats: Sequence[Beat]) -> Sequence[Outcome]:
        if self.away:
            raise DatabaseUnavailable("away", retry_after=1)
        self.groups.append(beats)
        return [KEPT] * len(beats)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def groups(store: Store, clock: Clock) -> AsyncIterator[BeatGroups]:
    groups = BeatGroups(store, clock, every_seconds=0.05)
    running = asyncio.create_task(groups.run())
    yield groups
    running.cancel()


def opened(groups: BeatGroups) -> tuple[Pulse, AsyncIterator[Answer]]:
    pulse = groups.open("default", uuid4())
    return pulse, aiter(pulse.answers())


async def test_beats_of_many_streams_are_written_together(groups: BeatGroups, store: Store) -> None:
    streams = [opened(groups) for _ in range(500)]
    for pulse, _ in streams:
        groups.take(pulse, 1, confirm=False)
    for _, answers in streams:
        assert await anext(answers) == Answer(MINUTE)
    assert sum(map(len, store.groups)) == 500
    assert len(store.groups) <= 2


async def test_each_answer_that_is_asked_for_is_given_and_no_other(groups: BeatGroups, store: Store) -> None:
    pulse, answers = opened(groups)
    for _ in range(3):
        groups.take(pulse, 1, confirm=True)
    assert [await anext(answers) for _ in range(3)] == [Answer(MINUTE)] * 3
    groups.take(pulse, 1, confirm=False)
    await eventually(lambda: len(store.groups) == 2)
    pulse.end()
    with pytest.raises(StopAsyncIteration):
        await anext(answers)


async def test_beats_outlast_an_outage_and_end_their_stream_when_it_takes_too_long(
    groups: BeatGroups, store: Store, clock: Clock
) -> None:
    (short, first), (long, second) = opened(groups), opened(groups)
    store.away = True
    groups.take(short, 1, confirm=False)
    clock.seconds = GIVE_UP_SECONDS - 1
    store.away = False
    assert await anext(first) == Answer(MINUTE)
    store.away = True
    groups.take(long, 1, confirm=False)
    clock.seconds += GIVE_UP_SECONDS + 1
    with pytest.raises(DatabaseUnavailable):
        await asyncio.wait_for(anext(second), 10)


async def test_a_beat_that_was_withdrawn_is_not_written(groups: BeatGroups, store: Store) -> None:
    pulse, answers = opened(groups)
    store.away = True
    groups.take(pulse, 1, confirm=False)
    await groups.withdraw("default", pulse.agent_id)
    store.away = False
    pulse.given_back()
    assert await anext(answers) == Answer(timedelta(0))
    other, others = opened(groups)
    groups.take(other, 1, confirm=False)
    await anext(others)
    assert [beat.agent_id for group in store.groups for beat in group] == [other.agent_id]


class HealthLog:
    """Keeps reports, unless it is away."""

    def __init__(self) -> None:
        self.history: list[Report] = []
        self.away = True

    async def write(self, _now: float, history: Sequence[Report], _latest: Sequence[Report]) -> None:
        if self.away:
            raise DatabaseUnavailable("away", retry_after=1)
        self.history.extend(history)


class Dropped:
    """Stands for the meter, and counts."""

    def __init__(self) -> None:
        self.count = 0

    def create_counter(self, _name: str, **_: object) -> "Dropped":
        return self

    def add(self, count: int) -> None:
        self.count += count


async def test_reports_wait_for_the_database_in_bounded_memory_and_what_is_dropped_is_counted(clock: Clock) -> None:
    log, dropped = HealthLog(), Dropped()
    meter: Meter = dropped  # type: ignore[assignment]
    store: Any = log
    recorder = HealthRecorder(store, clock, 0, meter)
    agents = [UUID(int=number) for number in range(50_010)]
    for agent_id in agents:
        recorder.of("default", agent_id).take(METRICS)
    assert dropped.count == 10
    with pytest.raises(DatabaseUnavailable):
        await recorder.flush()
    log.away = False
    await recorder.flush()
    assert [report.agent_id for report in log.history] == agents[10:]
