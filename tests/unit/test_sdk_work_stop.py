import asyncio
from collections.abc import AsyncIterator

import pytest
from harness.eventually import eventually
from harness.work_link import Handlers, accepted, assignment, attached
from rookery_sdk.stop import Stop
from rookery_sdk.work import Work


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture
async def work(handlers: Handlers) -> AsyncIterator[Work]:
    link = Work(handlers.execute, concurrency=3)
    yield link
    await link.abandon()


async def test_a_draining_agent_lets_handlers_finish_and_gives_back_what_still_comes(
    work: Work, handlers: Handlers
) -> None:
    sent = attached(work)
    work.take(assignment("a"))
    await eventually(lambda: "a" in handlers.running)
    reopened = asyncio.Event()
    draining = asyncio.create_task(work.drain(Stop(), grace=10, reopen=reopened.set))
    await reopened.wait()
    work.take(assignment("late"))
    assert sent.kinds() == ["credits", "release"]
    work.detach()
    # The next stream grants nothing, so that what is given back does not come back.
    sent = attached(work, ("a", 1), ("late", 1))
    assert sent.kinds() == ["release"]
    await handlers.end("a", "done")
    await eventually(lambda: sent.kinds() == ["release", "result"])
    work.take(accepted("late"))
    work.take(accepted("a"))
    await asyncio.wait_for(draining, 1)


async def test_what_is_not_done_within_the_grace_is_given_back(work: Work, handlers: Handlers) -> None:
    sent = attached(work)
    work.take(assignment("a"))
    await eventually(lambda: "a" in handlers.running)
    reopened = asyncio.Event()
    draining = asyncio.create_task(work.drain(Stop(), grace=0.01, reopen=reopened.set))
    await reopened.wait()
    sent = attached(work, ("a", 1))
    await eventually(lambda: "release" in sent.kinds())
    assert handlers.cancelled == ["a"]
    work.take(accepted("a"))
    await asyncio.wait_for(draining, 1)


async def test_hurry_cuts_the_grace_short(work: Work, handlers: Handlers) -> None:
    attached(work)
    work.take(assignment("a"))
    await eventually(lambda: "a" in handlers.running)
    stop = Stop()
    stop.ask()
    draining = asyncio.create_task(work.drain(stop, grace=600, reopen=lambda: None))
    await asyncio.wait({draining}, timeout=0.05)
    assert handlers.cancelled == []
    stop.ask()
    await eventually(lambda: handlers.cancelled == ["a"])
    sent = attached(work, ("a", 1))
    await eventually(lambda: "release" in sent.kinds())
    work.take(accepted("a"))
    await asyncio.wait_for(draining, 1)
