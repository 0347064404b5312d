import asyncio
from collections.abc import AsyncIterator

import pytest
from google.protobuf import duration_pb2
from google.rpc import status_pb2
from harness.eventually import eventually
from rookery.orchestrator.v1 import task_pb2, task_service_pb2
from rookery_sdk import Fail, PayloadInvalid, Reject, Unavailable, reports
from rookery_sdk.frames import Outbound
from rookery_sdk.stop import Stop
from rookery_sdk.work import Lease, Work


class Sent(Outbound[task_service_pb2.WorkRequest]):
    """Keeps what is sent instead of writing it."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[task_service_pb2.WorkRequest] = []

    def send(self, frame: task_service_pb2.WorkRequest) -> None:
        self.frames.append(frame)

    def kinds(self) -> list[str | None]:
        return [frame.WhichOneof("frame") for frame in self.frames]

    def credits(self) -> int:
        return sum(frame.credits.count for frame in self.frames)


class Handlers:
    """Handlers that end when they are told to."""

    def __init__(self) -> None:
        self.running: dict[str, asyncio.Future[object]] = {}
        self.cancelled: list[str] = []

    async def execute(self, assignment: task_service_pb2.TaskAssignment, lease: Lease) -> task_service_pb2.WorkRequest:
        task_id = assignment.task.id
        self.running[task_id] = asyncio.get_running_loop().create_future()
        try:
            return reports.completed(lease.key, await self.running[task_id])
        except asyncio.CancelledError:
            self.cancelled.append(task_id)
            raise

    async def end(self, task_id: str, output: object = None) -> None:
        await eventually(lambda: task_id in self.running)
        self.running[task_id].set_result(output)


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture
async def work(handlers: Handlers) -> AsyncIterator[Work]:
    link = Work(handlers.execute, concurrency=3)
    yield link
    await link.abandon()


def opened(*kept: tuple[str, int]) -> task_service_pb2.WorkResponse:
    keys = [task_service_pb2.LeaseKey(task_id=task_id, lease_epoch=epoch) for task_id, epoch in kept]
    return task_service_pb2.WorkResponse(opened=task_service_pb2.WorkOpened(kept_leases=keys))


def assignment(task_id: str, epoch: int = 1, lease: float = 10.0) -> task_service_pb2.WorkResponse:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(int(lease * 1e9))
    task = task_pb2.Task(id=task_id, lease_epoch=epoch, lease_duration=duration)
    return task_service_pb2.WorkResponse(assignment=task_service_pb2.TaskAssignment(task=task))


def accepted(task_id: str, epoch: int = 1) -> task_service_pb2.WorkResponse:
    key = task_service_pb2.LeaseKey(task_id=task_id, lease_epoch=epoch)
    return task_service_pb2.WorkResponse(accepted=task_service_pb2.ReportAccepted(lease=key))


def refused(task_id: str, epoch: int = 1) -> task_service_pb2.WorkResponse:
    key = task_service_pb2.LeaseKey(task_id=task_id, lease_epoch=epoch)
    status = status_pb2.Status(code=10, message="the lease is lost")
    return task_service_pb2.WorkResponse(refused=task_service_pb2.ReportRefused(lease=key, status=status))


def stop(task_id: str, epoch: int = 1) -> task_service_pb2.WorkResponse:
    key = task_service_pb2.LeaseKey(task_id=task_id, lease_epoch=epoch)
    return task_service_pb2.WorkResponse(stop=task_service_pb2.StopTask(lease=key, reason="CANCELED"))


def attached(work: Work, *kept: tuple[str, int]) -> Sent:
    sent = Sent()
    work.attach(sent, opened(*kept))
    return sent


def held(work: Work) -> list[tuple[str, int]]:
    return [(key.task_id, key.lease_epoch) for key in work.opening(1).open.held_leases]


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
    assert held(work) == [("a", 1)]
    work.take(accepted("a"))
    assert held(work) == []


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
    assert held(work) == [("a", 1)]
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
    assert held(work) == []
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


LEASE = task_service_pb2.LeaseKey(task_id="a", lease_epoch=1)


@pytest.mark.parametrize(
    ("error", "reason", "message", "retryable", "rejected"),
    [
        (RuntimeError("boom"), "HANDLER_ERROR", "RuntimeError: boom", True, False),
        (Fail("no such file"), "HANDLER_ERROR", "no such file", False, False),
        (Fail("busy", reason="BUSY", retryable=True), "BUSY", "busy", True, False),
        (Reject("not my kind of work"), "REJECTED", "not my kind of work", False, True),
        (Unavailable("away"), "UNAVAILABLE", "away", True, False),
        (PayloadInvalid("not JSON"), "PAYLOAD_INVALID", "not JSON", False, False),
    ],
)
def test_what_a_handler_raises_says_whether_another_attempt_may_help(
    error: Exception, reason: str, message: str, *, retryable: bool, rejected: bool
) -> None:
    failure = reports.failed(LEASE, error).failure
    assert (failure.error.reason, failure.error.message) == (reason, message)
    assert (failure.retryable, failure.rejected) == (retryable, rejected)


def test_an_error_of_many_words_is_cut() -> None:
    assert len(reports.failed(LEASE, RuntimeError("x" * 10_000)).failure.error.message) == 2000
