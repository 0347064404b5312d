import time
from collections.abc import Awaitable, Callable

import pytest
from rookery_sdk import DeadlineExceeded, NotFound, ResourceExhausted, RookeryError, Unavailable
from rookery_sdk.backoff import Backoff
from rookery_sdk.errors import Detail
from rookery_sdk.patience import passes, patiently


def at_the_ceiling(_low: float, high: float) -> float:
    return high


def test_waits_grow_twofold_up_to_the_longest() -> None:
    backoff = Backoff(first=0.1, most=5.0, draw=at_the_ceiling)
    assert [backoff.next() for _ in range(8)] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_a_success_makes_waits_short_again() -> None:
    backoff = Backoff(first=0.1, most=5.0, draw=at_the_ceiling)
    backoff.next()
    backoff.next()
    backoff.reset()
    assert backoff.next() == pytest.approx(0.1)


def test_waits_are_drawn_from_the_whole_range() -> None:
    drawn = [Backoff(first=1.0).next() for _ in range(200)]
    assert 0 <= min(drawn) < 0.2
    assert 0.8 < max(drawn) <= 1.0


def test_a_wait_is_not_shorter_than_the_other_side_asked_for() -> None:
    assert Backoff().next(at_least=3.0) == 3.0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Unavailable("connection refused"), True),
        (Unavailable("back soon", Detail("SHUTTING_DOWN", retry_after=0.5)), True),
        (Unavailable("it broke, and that is recorded", Detail("MCP_SERVER_UNAVAILABLE")), False),
        (ResourceExhausted("full", Detail("MAILBOX_FULL", retry_after=1.0)), True),
        (ResourceExhausted("too fast", Detail("RATE_LIMITED", retry_after=0.1)), True),
        (ResourceExhausted("too many", Detail("QUOTA_EXCEEDED")), False),
        (ResourceExhausted("too large", Detail("MESSAGE_TOO_LARGE")), False),
        (DeadlineExceeded("no answer"), True),
        (DeadlineExceeded("the tool took too long", Detail("TOOL_TIMEOUT")), False),
        (NotFound("no such task", Detail("TASK_NOT_FOUND")), False),
    ],
)
def test_only_what_may_soon_go_through_is_repeated(error: RookeryError, *, expected: bool) -> None:
    assert passes(error) is expected


def failing(times: int, error: RookeryError) -> Callable[[], Awaitable[str]]:
    attempts = iter([error] * times)

    async def attempt() -> str:
        for each in attempts:
            raise each
        return "through"

    return attempt


async def test_a_call_is_repeated_until_it_goes_through() -> None:
    quick = Backoff(first=0.001)
    assert await patiently(failing(3, Unavailable("away")), patience=5, backoff=quick) == "through"


async def test_a_call_that_came_too_fast_is_repeated_when_there_is_room_again() -> None:
    refusal = ResourceExhausted("too fast", Detail("RATE_LIMITED", retry_after=0.05))
    begun = time.monotonic()
    assert await patiently(failing(2, refusal), patience=5, backoff=Backoff(first=0.0)) == "through"
    assert time.monotonic() - begun >= 0.1


async def test_who_must_wait_longer_than_patience_lasts_is_told_at_once() -> None:
    refusal = ResourceExhausted("too fast", Detail("RATE_LIMITED", retry_after=60))
    with pytest.raises(ResourceExhausted, match="too fast"):
        await patiently(failing(1, refusal), patience=1)


async def test_when_patience_ends_the_last_error_is_raised() -> None:
    with pytest.raises(Unavailable, match="away"):
        await patiently(failing(1000, Unavailable("away")), patience=0.05, backoff=Backoff(first=0.001, most=0.01))


async def test_what_will_not_pass_is_raised_at_once() -> None:
    with pytest.raises(NotFound):
        await patiently(failing(1, NotFound("no", Detail("TASK_NOT_FOUND"))), patience=60)
