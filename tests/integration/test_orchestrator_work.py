import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.free_ports import free_port
from harness.nats_server import RestartableNats
from harness.orchestrator_service import (
    Orchestrator,
    WorkClient,
    lease_of,
    orchestrator_settings,
    running_orchestrator,
    seconds,
    worker_agent,
)
from harness.refusal import read_refusal
from harness.registry_service import Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.orchestrator.v1 import task_pb2, task_service_pb2, task_service_pb2_grpc
from rookery_kit.rpc import open_channel
from rookery_orchestrator.settings import OrchestratorSettings

MINT = TokenMint()


@pytest.fixture
def registry_address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
async def registry(
    fresh_database: FreshDatabase, nats_server: RestartableNats, registry_address: str
) -> AsyncIterator[Registry]:
    settings = registry_settings(fresh_database, nats_server, listen=registry_address)
    async with running_registry(settings, MINT) as running:
        yield running


@pytest.fixture
def settings(
    fresh_database: FreshDatabase, nats_server: RestartableNats, registry_address: str
) -> OrchestratorSettings:
    return orchestrator_settings(fresh_database, nats_server, registry_address)


@pytest.fixture
async def orchestrator(settings: OrchestratorSettings, registry: Registry) -> AsyncIterator[Orchestrator]:
    async with running_orchestrator(settings, MINT) as running:
        yield running


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


@pytest.mark.capability("O2")
async def test_a_task_of_an_agent_that_died_goes_to_another_and_the_late_result_is_fenced_off(
    orchestrator: Orchestrator, registry: Registry
) -> None:
    (first, first_epoch), (second, second_epoch) = [await worker_agent(registry, name) for name in ("one", "two")]
    dying = orchestrator.work(first)
    await dying.open(first_epoch, credits=1)
    task = await orchestrator.create(lease_duration=seconds(5))
    late = await dying.assignment()
    dying.call.cancel()
    heir = orchestrator.work(second)
    await heir.open(second_epoch, credits=1)
    taken = await heir.assignment()
    assert (taken.id, taken.lease_epoch) == (task.id, 2)
    # The agent comes back with a result for the lease that it no longer holds.
    back = orchestrator.work(first)
    assert await back.open(first_epoch, held=[lease_of(late)]) == ()
    await back.complete(late, b"late")
    refused = await back.next("refused")
    assert refused.lease == lease_of(late)
    assert refused.status.code == grpc.StatusCode.ABORTED.value[0]
    await heir.complete(taken, b"right")
    await heir.next("accepted")
    done = await orchestrator.get(task.id)
    assert (done.output.data, done.attempts) == (b"right", 2)
    outcomes = [attempt.outcome for attempt in done.attempt_history]
    assert outcomes == [task_pb2.ATTEMPT_OUTCOME_LEASE_EXPIRED, task_pb2.ATTEMPT_OUTCOME_COMPLETED]


@pytest.mark.capability("O2")
async def test_an_agent_that_comes_back_in_time_keeps_its_lease(orchestrator: Orchestrator, registry: Registry) -> None:
    agent, epoch = await worker_agent(registry, "one")
    before = orchestrator.work(agent)
    await before.open(epoch, credits=1)
    await orchestrator.create()
    task = await before.assignment()
    before.call.cancel()
    after = orchestrator.work(agent)
    assert await after.open(epoch, held=[lease_of(task)]) == (lease_of(task),)
    await after.complete(task)
    assert (await after.next("accepted")).lease == lease_of(task)
    assert (await orchestrator.get(task.id)).attempts == 1


async def test_a_result_sent_again_is_accepted_again(orchestrator: Orchestrator, registry: Registry) -> None:
    agent, epoch = await worker_agent(registry, "one")
    before = orchestrator.work(agent)
    await before.open(epoch, credits=1)
    await orchestrator.create()
    task = await before.assignment()
    await before.complete(task, b"once")
    await before.next("accepted")
    after = orchestrator.work(agent)
    assert await after.open(epoch, held=[lease_of(task)]) == ()
    await after.complete(task, b"twice")
    assert (await after.next("accepted")).lease == lease_of(task)
    assert (await orchestrator.get(task.id)).output.data == b"once"


async def test_a_lease_of_which_the_agent_knows_nothing_is_given_to_another_at_once(
    orchestrator: Orchestrator, registry: Registry
) -> None:
    (first, first_epoch), (second, second_epoch) = [await worker_agent(registry, name) for name in ("one", "two")]
    before = orchestrator.work(first)
    await before.open(first_epoch, credits=1)
    task = await orchestrator.create(lease_duration=seconds(600))
    await before.assignment()
    other = orchestrator.work(second)
    await other.open(second_epoch, credits=1)
    # The first agent was started anew and holds nothing.
    await orchestrator.work(first).open(first_epoch)
    assert (await other.assignment()).id == task.id


@pytest.mark.capability("O2")
async def test_heartbeats_keep_a_lease_and_silence_loses_it(orchestrator: Orchestrator, registry: Registry) -> None:
    agent, epoch = await worker_agent(registry, "one")
    worker = orchestrator.work(agent)
    await worker.open(epoch, credits=1)
    await orchestrator.create(lease_duration=seconds(1))
    task = await worker.assignment()
    loop = asyncio.get_running_loop()
    beat_until = loop.time() + 2.5
    while loop.time() < beat_until:
        await worker.send(heartbeat=task_service_pb2.WorkHeartbeat())
        await asyncio.sleep(0.2)
    assert (await orchestrator.get(task.id)).lease_epoch == 1
    stopped = await worker.next("stop")
    assert (stopped.lease, stopped.reason) == (lease_of(task), "LEASE_LOST")


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


async def test_a_lease_given_back_goes_on_at_once_and_does_not_count(
    orchestrator: Orchestrator, registry: Registry
) -> None:
    agent, epoch = await worker_agent(registry, "one")
    worker = orchestrator.work(agent)
    await worker.open(epoch, credits=2)
    await orchestrator.create()
    task = await worker.assignment()
    await worker.send(release=task_service_pb2.ReleaseTask(lease=lease_of(task)))
    await worker.next("accepted")
    again = await worker.assignment()
    assert (again.id, again.lease_epoch, again.attempts) == (task.id, 2, 1)


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
            answer.task.revision async for answer in orchestrator.tasks.WatchTask(request, metadata=orchestrator.admin())
        ]

    assert await watch(task.revision) == [canceled.revision]
    assert await watch(canceled.revision) == []


@pytest.mark.capability("O1")
async def test_a_cancelled_task_is_stopped_where_it_is_worked_on(orchestrator: Orchestrator, registry: Registry) -> None:
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


@pytest.mark.capability("O8")
async def test_two_replicas_share_the_work_and_each_task_is_done_once(
    settings: OrchestratorSettings, registry: Registry
) -> None:
    agents = [await worker_agent(registry, f"agent-{number}") for number in range(4)]
    async with running_orchestrator(settings, MINT) as left, running_orchestrator(settings, MINT) as right:
        history: list[tuple[str, int, str]] = []

        async def work(replica: Orchestrator, index: int) -> None:
            agent, epoch = agents[index]
            worker = replica.work(agent)
            await worker.open(epoch, credits=5)
            while True:
                frame = await worker.call.read()
                if frame.HasField("assignment"):
                    await worker.complete(frame.assignment.task, agent.id.encode())
                    await worker.grant(1)
                else:
                    lease = frame.accepted.lease
                    history.append((lease.task_id, lease.lease_epoch, agent.id))

        workers = [asyncio.create_task(work(replica, index)) for index, replica in enumerate((left, left, right, right))]
        created = await asyncio.gather(*((left, right)[number % 2].create() for number in range(200)))
        try:
            await eventually(lambda: len(history) >= len(created), within=30)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        assert sorted(task_id for task_id, _, _ in history) == sorted(task.id for task in created)
        assert len({agent_id for _, _, agent_id in history}) == 4
        for task in created:
            assert [attempt.outcome for attempt in (await left.get(task.id)).attempt_history] == [
                task_pb2.ATTEMPT_OUTCOME_COMPLETED
            ]


@pytest.mark.capability("O8")
async def test_a_cancellation_reaches_the_agent_on_another_replica(
    settings: OrchestratorSettings, registry: Registry
) -> None:
    agent, epoch = await worker_agent(registry, "one")
    async with running_orchestrator(settings, MINT) as left, running_orchestrator(settings, MINT) as right:
        worker = left.work(agent)
        await worker.open(epoch, credits=1)
        await right.create()
        task = await worker.assignment()
        await right.cancel(task.id)
        assert (await worker.next("stop")).reason == "CANCELED"


async def test_a_stopping_orchestrator_tells_its_agents_to_connect_again(
    settings: OrchestratorSettings, registry: Registry
) -> None:
    agent, epoch = await worker_agent(registry, "one")
    settings = settings.model_copy(update={"listen": f"127.0.0.1:{free_port()}"})
    async with open_channel(settings.listen) as channel:
        async with running_orchestrator(settings, MINT) as orchestrator:
            worker = WorkClient(task_service_pb2_grpc.TaskServiceStub(channel).Work(metadata=agent.metadata))
            await worker.open(epoch, credits=1)
            await orchestrator.create()
            task = await worker.assignment()
            ending = asyncio.create_task(worker.error())
        refused = read_refusal(await ending)
        assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    async with running_orchestrator(settings, MINT) as orchestrator:
        back = orchestrator.work(agent)
        assert await back.open(epoch, held=[lease_of(task)]) == (lease_of(task),)
