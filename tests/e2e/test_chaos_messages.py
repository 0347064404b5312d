"""Real processes are killed under load; no promise about messages is broken. `make chaos` runs for longer."""

import os
import random

import pytest
from chaos.__main__ import say
from chaos.run import Crowd, run

SECONDS = 60.0
CROWDED_SECONDS = 15.0


def chosen_seed() -> int:
    """The seed of the environment, else a new one."""
    return int(os.environ.get("ROOKERY_CHAOS_SEED", random.SystemRandom().randrange(1_000_000)))


@pytest.mark.capability("M1")
@pytest.mark.capability("M6")
@pytest.mark.capability("M7")
@pytest.mark.timeout(600)
async def test_no_promise_about_messages_is_broken_when_processes_are_killed_under_load() -> None:
    seed = chosen_seed()
    # The seed and what happened are shown when the test fails, and with -s.
    report = await run(seed, SECONDS, say)
    assert report.flawless, "\n".join(report.lines())


@pytest.mark.capability("M9")
@pytest.mark.timeout(600)
async def test_no_promise_is_broken_when_a_receiver_is_slow_and_there_is_no_room_left() -> None:
    report = await run(chosen_seed(), CROWDED_SECONDS, say, Crowd(slowness=0.05, room=200))
    assert report.flawless, "\n".join(report.lines())
