import asyncio
import time

import pytest
from harness.eventually import eventually


async def test_answers_what_the_condition_answers() -> None:
    assert await eventually(lambda: "found") == "found"


async def test_waits_until_the_condition_holds() -> None:
    begun = time.monotonic()
    assert await eventually(lambda: time.monotonic() - begun > 0.05, within=5, every=0.01)


async def test_takes_async_conditions_and_ones_that_assert() -> None:
    attempts: list[int] = []

    async def third() -> str:
        attempts.append(1)
        assert len(attempts) == 3, "not yet"
        return "done"

    assert await eventually(third, within=5, every=0.001) == "done"


async def test_fails_with_the_last_answer_when_time_is_up() -> None:
    with pytest.raises(AssertionError, match=r"was not fulfilled within 0.02 s; last: \[\]"):
        await eventually(list[int], within=0.02, every=0.01)


async def test_an_error_that_is_not_expected_passes_through() -> None:
    def broken() -> bool:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        await eventually(broken, within=1)


async def test_an_attempt_that_hangs_is_cut_off() -> None:
    async def hangs() -> bool:
        await asyncio.Event().wait()
        return True

    with pytest.raises(AssertionError, match="did not end"):
        await eventually(hangs, within=0.05)
