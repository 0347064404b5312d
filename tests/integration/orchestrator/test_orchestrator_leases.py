import asyncio

import grpc
import pytest
from harness.eventually import eventually
from harness.orchestrator_service import (
    Orchestrator,
    lease_of,
    seconds,
    worker_agent,
)
from harness.registry_service import Registry
from rookery.orchestrator.v1 import task_pb2, task_service_pb2


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

    async def beaten_well_beyond_the_lease() -> bool:
        await worker.send(heartbeat=task_service_pb2.WorkHeartbeat())
        return loop.time() > beat_until

    await eventually(beaten_well_beyond_the_lease, every=0.2)
    assert (await orchestrator.get(task.id)).lease_epoch == 1
    stopped = await worker.next("stop")
    assert (stopped.lease, stopped.reason) == (lease_of(task), "LEASE_LOST")


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
