import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from harness.eventually import eventually
from harness.orchestrator_service import (
    Orchestrator,
    lease_of,
    worker_agent,
)
from harness.registry_service import Registry
from rookery.orchestrator.v1 import task_pb2, task_service_pb2


async def ended(orchestrator: Orchestrator, task: task_pb2.Task, within: float = 10) -> task_pb2.Task:
    async def look() -> task_pb2.Task | None:
        found = await orchestrator.get(task.id)
        return found if found.HasField("end_time") else None

    found = await eventually(look, within=within)
    assert found is not None
    return found


@pytest.mark.capability("O1")
@pytest.mark.capability("O2")
async def test_a_task_goes_to_an_agent_that_can_do_it_and_its_output_comes_back(
    orchestrator: Orchestrator, registry: Registry
) -> None:
    able, able_epoch = await worker_agent(registry, "able", "sum", "multiply")
    unable, unable_epoch = await worker_agent(registry, "unable", "translate")
    worker, bystander = orchestrator.work(able), orchestrator.work(unable)
    await worker.open(able_epoch, credits=1)
    await bystander.open(unable_epoch, credits=1)
    task = await orchestrator.create("sum", b"1+1", title="Add", labels={"story": "7"})
    assert (task.state, task.revision) == (task_pb2.TASK_STATE_SUBMITTED, 1)
    assigned = await worker.assignment()
    assert (assigned.id, assigned.input.data, assigned.lease_epoch) == (task.id, b"1+1", 1)
    await worker.complete(assigned, b"2")
    assert (await worker.next("accepted")).lease == lease_of(assigned)
    done = await orchestrator.get(task.id)
    assert (done.state, done.output.data, done.agent_id) == (task_pb2.TASK_STATE_COMPLETED, b"2", able.id)
    assert [attempt.outcome for attempt in done.attempt_history] == [task_pb2.ATTEMPT_OUTCOME_COMPLETED]


@pytest.mark.capability("O1")
async def test_higher_priority_goes_first_and_a_credit_is_worth_one_task(
    orchestrator: Orchestrator, registry: Registry
) -> None:
    agent, epoch = await worker_agent(registry, "one")
    created = [await orchestrator.create(priority=priority) for priority in (0, -5, 50, 0)]
    worker = orchestrator.work(agent)
    await worker.open(epoch)
    order = []
    for _ in created:
        await worker.grant(1)
        task = await worker.assignment()
        order.append(task.id)
        await worker.complete(task)
        await worker.next("accepted")
    assert order == [created[index].id for index in (2, 0, 3, 1)]


@pytest.mark.capability("O1")
async def test_a_task_fails_after_its_last_attempt(orchestrator: Orchestrator, registry: Registry) -> None:
    agent, epoch = await worker_agent(registry, "one")
    worker = orchestrator.work(agent)
    await worker.open(epoch, credits=10)
    task = await orchestrator.create(max_attempts=2)
    for attempt in (1, 2):
        assigned = await worker.assignment()
        assert assigned.attempts == attempt
        await worker.fail(assigned, retryable=True)
        await worker.next("accepted")
    failed = await ended(orchestrator, task)
    assert (failed.state, failed.error.reason) == (task_pb2.TASK_STATE_FAILED, "ATTEMPTS_EXHAUSTED")
    assert [attempt.error_message for attempt in failed.attempt_history] == ["it broke", "it broke"]


@pytest.mark.parametrize(
    ("fields", "state", "reason"),
    [
        ({}, task_pb2.TASK_STATE_FAILED, "HANDLER_ERROR"),
        ({"rejected": True}, task_pb2.TASK_STATE_REJECTED, "HANDLER_ERROR"),
    ],
)
async def test_a_final_failure_and_a_refusal_end_the_task(
    orchestrator: Orchestrator, registry: Registry, fields: dict[str, bool], state: "task_pb2.TaskState", reason: str
) -> None:
    agent, epoch = await worker_agent(registry, "one")
    worker = orchestrator.work(agent)
    await worker.open(epoch, credits=1)
    task = await orchestrator.create()
    await worker.fail(await worker.assignment(), **fields)
    await worker.next("accepted")
    failed = await orchestrator.get(task.id)
    assert (failed.state, failed.error.reason, failed.error.message) == (state, reason, "it broke")


async def test_progress_is_kept_and_seen_by_those_who_watch(orchestrator: Orchestrator, registry: Registry) -> None:
    agent, epoch = await worker_agent(registry, "one")
    worker = orchestrator.work(agent)
    await worker.open(epoch, credits=1)
    task = await orchestrator.create()
    watch = orchestrator.tasks.WatchTask(
        task_service_pb2.WatchTaskRequest(task_id=task.id), metadata=orchestrator.admin()
    )
    assigned = await worker.assignment()
    progress = task_service_pb2.TaskProgress(lease=lease_of(assigned), progress=0.5, message="half")
    await worker.send(progress=progress)
    seen = []
    async for answer in watch:
        seen.append((answer.task.state, answer.task.progress_message))
        if answer.task.progress_message == "half":
            await worker.complete(assigned)
    assert (task_pb2.TASK_STATE_WORKING, "half") in seen
    assert seen[-1] == (task_pb2.TASK_STATE_COMPLETED, "half")


@pytest.mark.capability("O1")
async def test_a_watch_goes_on_after_the_revision_seen_last(orchestrator: Orchestrator, registry: Registry) -> None:
    task = await orchestrator.create()
    canceled = await orchestrator.cancel(task.id)

    async def watch(after: int) -> list[int]:
        request = task_service_pb2.WatchTaskRequest(task_id=task.id, after_revision=after)
        return [
            answer.task.revision
            async for answer in orchestrator.tasks.WatchTask(request, metadata=orchestrator.admin())
        ]

    assert await watch(task.revision) == [canceled.revision]
    assert await watch(canceled.revision) == []


@pytest.mark.capability("O1")
async def test_a_cancelled_task_is_stopped_where_it_is_worked_on(
    orchestrator: Orchestrator, registry: Registry
) -> None:
    agent, epoch = await worker_agent(registry, "one")
    worker = orchestrator.work(agent)
    await worker.open(epoch, credits=1)
    await orchestrator.create()
    task = await worker.assignment()
    assert (await orchestrator.cancel(task.id)).state == task_pb2.TASK_STATE_CANCELED
    stopped = await worker.next("stop")
    assert (stopped.lease, stopped.reason) == (lease_of(task), "CANCELED")
    await worker.complete(task)
    await worker.next("refused")


@pytest.mark.capability("O1")
async def test_a_task_whose_deadline_passes_fails_waiting_or_working(
    orchestrator: Orchestrator, registry: Registry
) -> None:
    def soon() -> Timestamp:
        deadline = Timestamp()
        deadline.GetCurrentTime()
        deadline.FromNanoseconds(deadline.ToNanoseconds() + 500_000_000)
        return deadline

    agent, epoch = await worker_agent(registry, "one", "work")
    worker = orchestrator.work(agent)
    await worker.open(epoch, credits=1)
    waiting = await orchestrator.create("nobody", deadline=soon())
    working = await orchestrator.create(deadline=soon())
    assert (await worker.assignment()).id == working.id
    assert (await worker.next("stop")).reason == "DEADLINE_EXCEEDED"
    for task in (waiting, working):
        failed = await ended(orchestrator, task)
        assert (failed.state, failed.error.reason) == (task_pb2.TASK_STATE_FAILED, "DEADLINE_EXCEEDED")
