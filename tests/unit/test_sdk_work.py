import asyncio
from collections.abc import AsyncIterator

import pytest
from harness.eventually import eventually
from harness.work_link import Handlers, accepted, assignment, attached, held_leases, refused, stop
from rookery_sdk.work import Work


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture
async def work(handlers: Handlers) -> AsyncIterator[Work]:
    link = Work(handlers.execute, concurrency=3)
    yield link
    await link.abandon()


async def test_an_open_stream_grants_as_many_credits_as_may_run_at_a_time(work: Work) -> None:
    assert attached(work).credits() == 3


async def test_a_task_that_ends_is_reported_and_frees_a_credit(work: Work, handlers: Handlers) -> None:
    sent = attached(work)
    work.take(assignment("a"))
    await handlers.end("a", {"n": 1})
    await eventually(lambda: sent.kinds() == ["credits", "result", "credits"])
    assert sent.frames[1].result.output.data == b'{"n":1}'
    assert sent.credits() == 4


async def test_a_report_is_kept_until_it_is_accepted(work: Work, handlers: Handlers) -> None:
    sent = attached(work)
    work.take(assignment("a"))
    await handlers.end("a")
    await eventually(lambda: "result" in sent.kinds())
    assert held_leases(work) == [("a", 1)]
    work.take(accepted("a"))
    assert held_leases(work) == []


async def test_a_report_that_was_not_answered_is_sent_again_on_the_next_stream(work: Work, handlers: Handlers) -> None:
    attached(work)
    work.take(assignment("a"))
    await handlers.end("a")
    await eventually(lambda: work._leases[("a", 1)].report_frame is not None)
    work.detach()
    # Not among the leases kept: perhaps because the report had been taken before the stream broke.
    assert attached(work).kinds() == ["result", "credits"]


async def test_a_handler_that_ends_while_there_is_no_stream_reports_on_the_next(work: Work, handlers: Handlers) -> None:
    attached(work)
    work.take(assignment("a"))
    work.detach()
    await handlers.end("a", "done")
    await eventually(lambda: work._leases[("a", 1)].report_frame is not None)
    assert held_leases(work) == [("a", 1)]
    sent = attached(work, ("a", 1))
    assert sent.kinds() == ["result", "credits"]
    assert sent.credits() == 3


async def test_handlers_go_on_over_a_lost_stream_and_take_up_their_credits(work: Work, handlers: Handlers) -> None:
    attached(work)
    work.take(assignment("a"))
    work.detach()
    assert attached(work, ("a", 1)).credits() == 2
    assert handlers.cancelled == []


async def test_a_handler_whose_lease_was_lost_meanwhile_is_cancelled(work: Work, handlers: Handlers) -> None:
    attached(work)
    work.take(assignment("a"))
    await eventually(lambda: "a" in handlers.running)
    work.detach()
    sent = attached(work)
    await eventually(lambda: handlers.cancelled == ["a"])
    assert held_leases(work) == []
    await eventually(lambda: sent.credits() == 3)
    assert "failure" not in sent.kinds()


async def test_the_word_to_stop_cancels_the_handler_and_nothing_is_reported(work: Work, handlers: Handlers) -> None:
    sent = attached(work)
    work.take(assignment("a"))
    await eventually(lambda: "a" in handlers.running)
    work.take(stop("a"))
    await eventually(lambda: handlers.cancelled == ["a"])
    await eventually(lambda: sent.credits() == 4)
    assert sent.kinds() == ["credits", "credits"]


async def test_a_refused_report_is_dropped(work: Work, handlers: Handlers) -> None:
    sent = attached(work)
    work.take(assignment("a"))
    await handlers.end("a")
    await eventually(lambda: "result" in sent.kinds())
    work.take(refused("a"))
    work.detach()
    assert attached(work).kinds() == ["credits"]


async def test_a_task_that_is_given_out_again_replaces_the_handler_that_lost_it(work: Work, handlers: Handlers) -> None:
    sent = attached(work)
    work.take(assignment("a", epoch=1))
    await eventually(lambda: "a" in handlers.running)
    work.take(assignment("a", epoch=2))
    await eventually(lambda: handlers.cancelled == ["a"])
    await handlers.end("a")
    await eventually(lambda: "result" in sent.kinds())
    assert [frame.result.lease.lease_epoch for frame in sent.frames if frame.HasField("result")] == [2]


async def test_the_same_assignment_twice_runs_once(work: Work, handlers: Handlers) -> None:
    sent = attached(work)
    work.take(assignment("a"))
    work.take(assignment("a"))
    await handlers.end("a")
    await eventually(lambda: "result" in sent.kinds())
    assert sent.kinds().count("result") == 1
    assert sent.credits() == 5


async def test_held_leases_are_kept_alive_at_a_third_of_the_shortest(work: Work) -> None:
    sent = attached(work)
    beating = asyncio.create_task(work.beat())
    work.take(assignment("long", lease=600))
    work.take(assignment("short", lease=0.15))
    begun = asyncio.get_running_loop().time()
    await eventually(lambda: sent.kinds().count("heartbeat") >= 3)
    assert 0.1 < asyncio.get_running_loop().time() - begun < 1.0
    beating.cancel()


async def test_without_leases_there_are_no_heartbeats(work: Work, handlers: Handlers) -> None:
    sent = attached(work)
    beating = asyncio.create_task(work.beat())
    work.take(assignment("a", lease=0.03))
    await handlers.end("a")
    await eventually(lambda: "result" in sent.kinds())
    work.take(accepted("a"))
    beats = sent.kinds().count("heartbeat")
    await asyncio.wait({beating}, timeout=0.1)
    assert sent.kinds().count("heartbeat") == beats
    beating.cancel()


async def test_a_handler_that_is_cancelled_by_its_own_doing_has_failed(work: Work, handlers: Handlers) -> None:
    sent = attached(work)
    work.take(assignment("a"))
    await eventually(lambda: "a" in handlers.running)
    handlers.running["a"].cancel()
    await eventually(lambda: "failure" in sent.kinds())


async def test_progress_is_sent_while_there_is_a_stream(work: Work) -> None:
    sent = attached(work)
    work.take(assignment("a"))
    lease = work._leases[("a", 1)]
    await lease.report(0.5, "half-way")
    work.detach()
    await lease.report(0.6, "unheard")
    assert [frame.progress.message for frame in sent.frames if frame.HasField("progress")] == ["half-way"]
