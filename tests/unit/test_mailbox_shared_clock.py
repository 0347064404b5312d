from datetime import UTC, datetime, timedelta

import pytest
from rookery_kit.errors import Unavailable
from rookery_orchestrator.mailbox.shared_clock import SharedClock

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class OwnClock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.wall = NOON
        self.seconds = 100.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def go_on(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)


class Database:
    """Answers a time, after as long as the test says."""

    def __init__(self, own: OwnClock, ahead: timedelta = timedelta()) -> None:
        self._own = own
        self.ahead = ahead
        self.takes = 0.0
        self.away = False

    async def now(self) -> datetime:
        if self.away:
            raise Unavailable("away")
        self._own.go_on(self.takes / 2)
        moment = self._own.now() + self.ahead
        self._own.go_on(self.takes / 2)
        return moment


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
async def test_the_time_is_the_database_s_from_the_first_comparison_on(ahead: timedelta) -> None:
    own = OwnClock()
    clock = SharedClock(own, Database(own, ahead).now)
    assert clock.now() == NOON
    await clock.adjust()
    own.go_on(5)
    assert clock.now() == NOON + ahead + timedelta(seconds=5)


async def test_setting_the_machine_s_clock_changes_nothing() -> None:
    own = OwnClock()
    clock = SharedClock(own, Database(own).now)
    await clock.adjust()
    own.wall += HOUR
    assert clock.now() == NOON


async def test_what_lies_within_the_time_the_answer_took_is_no_difference() -> None:
    own = OwnClock()
    database = Database(own, timedelta(seconds=0.3))
    database.takes = 1.0
    clock = SharedClock(own, database.now)
    await clock.adjust()
    assert clock.now() == NOON + timedelta(seconds=1)
    database.takes = 0.1
    await clock.adjust()
    assert clock.now() == NOON + timedelta(seconds=1.4)


async def test_the_time_goes_on_while_the_database_is_away() -> None:
    own = OwnClock()
    database = Database(own, HOUR)
    clock = SharedClock(own, database.now)
    await clock.adjust()
    database.away = True
    own.go_on(60)
    with pytest.raises(Unavailable):
        await clock.adjust()
    assert clock.now() == NOON + HOUR + timedelta(seconds=60)
