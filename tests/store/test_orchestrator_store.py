import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from harness.databases import OpenDatabase
from harness.eventually import eventually
from rookery_kit.clock import new_id
from rookery_kit.postgres import Database, load_queries
from rookery_orchestrator.directory import KnownAgent
from rookery_orchestrator.model import (
    AttemptOutcome,
    LeaseKey,
    NewTask,
    Payload,
    Task,
    TaskEnded,
    TaskError,
    TaskNotFound,
    TaskQuery,
    TaskState,
)
from rookery_orchestrator.postgres import PostgresAgentProjection, PostgresLeaseStore, PostgresTaskStore
from rookery_orchestrator.reports import Failure, FailureKind, Progress, Release, Report, Result
from rookery_orchestrator.store import Demand, Held, LeaseStore, TaskStore

AGENT = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


@dataclass
class Stores:
    database: Database
    tasks: TaskStore
    leases: LeaseStore

    async def claim_one(self, agent_id: str = AGENT, capability: str = "work") -> Task:
        (task,) = await self.leases.claim(Demand("default", capability, (agent_id,)))
        return task

    async def events(self) -> list[str]:
        async with self.database.system_transaction() as connection:
            return [row["message_id"] for row in await connection.fetch("SELECT message_id FROM outbox ORDER BY id")]


@pytest.fixture
async def stores(open_database: OpenDatabase) -> Stores:
    database = await open_database("orchestrator")
    queries = load_queries("rookery_orchestrator")
    return Stores(database, PostgresTaskStore(database, queries), PostgresLeaseStore(database, queries))


def new_task(**changes: object) -> NewTask:
    made = NewTask(
        id=new_id(),
        tenant="default",
        creator="user:admin",
        request_id="",
        request_digest=b"digest",
        title="a task",
        capability="work",
        priority=0,
        input=Payload("text/plain", b"input"),
        labels={"story": "7"},
        max_attempts=3,
        lease_duration=timedelta(seconds=30),
        deadline=None,
        traceparent="",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.capability("O1")
async def test_tasks_are_kept_in_one_statement_and_announced(stores: Stores) -> None:
    wanted = [new_task(), new_task(input=None, tenant="other")]
    kept = await stores.tasks.create(wanted)
    assert [task.id for task in kept] == [task.id for task in wanted]
    assert kept[0] == await stores.tasks.find("default", wanted[0].id)
    assert (kept[0].input, kept[0].labels, kept[0].state) == (wanted[0].input, {"story": "7"}, TaskState.SUBMITTED)
    assert kept[1].input is None
    assert sorted(await stores.events()) == sorted(f"task-{task.id}-1" for task in wanted)


@pytest.mark.capability("O1")
async def test_the_same_request_id_answers_the_same_task_also_within_one_group(stores: Stores) -> None:
    request_id = str(uuid4())
    first, second = new_task(request_id=request_id), new_task(request_id=request_id)
    kept = await stores.tasks.create([first, second])
    assert [task.id for task in kept] == [first.id, first.id]
    (later,) = await stores.tasks.create([new_task(request_id=request_id)])
    assert later == kept[0]
    (foreign,) = await stores.tasks.create([new_task(request_id=request_id, creator="user:else")])
    assert foreign.id != first.id
    assert len(await stores.events()) == 2


@pytest.mark.capability("A6")
async def test_a_task_of_another_tenant_is_not_found(stores: Stores) -> None:
    (task,) = await stores.tasks.create([new_task()])
    with pytest.raises(TaskNotFound):
        await stores.tasks.find("other", task.id)
    with pytest.raises(TaskNotFound):
        await stores.tasks.cancel("other", task.id)
    assert await stores.tasks.page("other", TaskQuery(limit=10)) == []


async def test_pages_are_newest_first_and_filtered(stores: Stores) -> None:
    wanted = [new_task(id=f"0199a1b2-0000-7000-8000-00000000000{number}") for number in range(5)]
    wanted[2] = replace(wanted[2], capability="other", labels={"story": "8"})
    created = await stores.tasks.create(wanted)
    ids = [task.id for task in reversed(created)]

    async def page(**fields: object) -> list[str]:
        query = TaskQuery(**({"limit": 10} | fields))  # type: ignore[arg-type]
        return [task.id for task in await stores.tasks.page("default", query)]

    assert await page() == ids
    assert await page(limit=2, after=ids[1]) == ids[2:4]
    assert await page(capability="other") == [created[2].id]
    assert await page(labels={"story": "8"}) == [created[2].id]
    assert await page(state=TaskState.COMPLETED) == []


@pytest.mark.capability("O2")
async def test_claims_take_higher_priority_first_then_older(stores: Stores) -> None:
    created = await stores.tasks.create(
        [new_task(id=f"0199a1b2-0000-7000-8000-00000000000{n}", priority=p) for n, p in enumerate((0, 10, 0, -10))]
    )
    claimed = await stores.leases.claim(Demand("default", "work", (AGENT, OTHER, AGENT)))
    by_id = {task.id: task for task in claimed}
    assert set(by_id) == {created[index].id for index in (0, 1, 2)}
    assert sorted(task.agent_id for task in claimed) == [AGENT, AGENT, OTHER]
    assert {(task.state, task.lease_epoch, task.attempts) for task in claimed} == {(TaskState.WORKING, 1, 1)}


@pytest.mark.capability("O8")
async def test_claims_at_the_same_time_never_share_a_task(stores: Stores) -> None:
    await stores.tasks.create([new_task() for _ in range(100)])
    demands = [Demand("default", "work", (agent,) * 20) for agent in (AGENT, OTHER) * 4]
    claims = await asyncio.gather(*(stores.leases.claim(demand) for demand in demands))
    ids = [task.id for claim in claims for task in claim]
    assert len(ids) == len(set(ids)) == 100


async def test_only_pairs_for_which_a_task_waits_are_answered(stores: Stores) -> None:
    await stores.tasks.create([new_task()])
    pairs = [("default", "work"), ("default", "other"), ("else", "work")]
    assert await stores.leases.waiting(pairs) == [("default", "work")]
    await stores.claim_one()
    assert await stores.leases.waiting(pairs) == []


@pytest.mark.capability("O2")
async def test_only_the_holder_of_the_current_lease_reports(stores: Stores) -> None:
    await stores.tasks.create([new_task()])
    task = await stores.claim_one()
    late = LeaseKey(task.id, task.lease_epoch - 1)
    output = Payload("text/plain", b"output")
    reports: list[Report] = [
        Result(late, AGENT, output),
        Result(task.lease, OTHER, output),
        Release(LeaseKey(new_id(), 1), AGENT),
    ]
    assert await stores.leases.settle(reports) == ([False, False, False], [])
    verdicts, changed = await stores.leases.settle([Result(task.lease, AGENT, output)])
    assert verdicts == [True]
    assert [(done.state, done.output) for done in changed] == [(TaskState.COMPLETED, output)]
    again = Result(task.lease, AGENT, Payload("text/plain", b"another"))
    assert await stores.leases.settle([again]) == ([True], [])
    assert (await stores.tasks.find("default", task.id)).output == output


async def test_of_two_reports_on_one_lease_in_one_group_the_first_counts(stores: Stores) -> None:
    await stores.tasks.create([new_task()])
    task = await stores.claim_one()
    result = Result(task.lease, AGENT, None)
    failure = Failure(task.lease, AGENT, TaskError("X", "x"), FailureKind.FINAL, 0)
    verdicts, changed = await stores.leases.settle([result, result, failure])
    assert verdicts == [True, True, False]
    assert [done.state for done in changed] == [TaskState.COMPLETED]


@pytest.mark.capability("O1")
async def test_a_retryable_failure_waits_for_its_delay(stores: Stores) -> None:
    await stores.tasks.create([new_task()])
    task = await stores.claim_one()
    failure = Failure(task.lease, AGENT, TaskError("HANDLER_ERROR", "broke"), FailureKind.RETRYABLE, 0.3)
    _, (failed,) = await stores.leases.settle([failure])
    assert (failed.state, failed.error) == (TaskState.SUBMITTED, None)
    assert await stores.leases.claim(Demand("default", "work", (AGENT,))) == []
    claimed = await eventually(lambda: stores.leases.claim(Demand("default", "work", (OTHER,))), within=5)
    assert claimed[0].lease_epoch == 2
    attempts = await stores.tasks.attempts("default", task.id)
    assert [(a.outcome, a.error_message) for a in attempts] == [(AttemptOutcome.FAILED, "broke"), (None, "")]


@pytest.mark.capability("O2")
async def test_a_lease_that_runs_out_sends_the_task_back_until_its_attempts_are_used_up(stores: Stores) -> None:
    await stores.tasks.create([new_task(max_attempts=2)])
    for state in (TaskState.SUBMITTED, TaskState.FAILED):
        task = await stores.claim_one()
        await stores.leases.shorten([Held(task.lease, AGENT)], timedelta(0))
        (reaped,) = await stores.leases.reap(10)
        assert reaped.state is state
    assert reaped.error is not None
    assert reaped.error.reason == "ATTEMPTS_EXHAUSTED"
    outcomes = [attempt.outcome for attempt in await stores.tasks.attempts("default", task.id)]
    assert outcomes == [AttemptOutcome.LEASE_EXPIRED] * 2
    assert await stores.leases.reap(10) == []


async def test_reapers_at_the_same_time_end_each_lease_once(stores: Stores) -> None:
    await stores.tasks.create([new_task() for _ in range(40)])
    claimed = await stores.leases.claim(Demand("default", "work", (AGENT,) * 40))
    await stores.leases.shorten([Held(task.lease, AGENT) for task in claimed], timedelta(0))
    reaped = await asyncio.gather(*(stores.leases.reap(10) for _ in range(8)))
    ids = [task.id for batch in reaped for task in batch]
    assert len(ids) == len(set(ids)) == 40


async def test_an_extension_answers_the_leases_that_are_still_held(stores: Stores) -> None:
    await stores.tasks.create([new_task(), new_task()])
    held, lost = [await stores.claim_one() for _ in range(2)]
    await stores.leases.settle([Release(lost.lease, AGENT)])
    asked = [Held(held.lease, AGENT), Held(lost.lease, AGENT), Held(held.lease, OTHER)]
    assert await stores.leases.extend(asked) == {held.lease: timedelta(seconds=30)}


async def test_disowned_leases_run_out_at_once_but_for_those_kept(stores: Stores) -> None:
    await stores.tasks.create([new_task(), new_task()])
    kept, unknown = [await stores.claim_one() for _ in range(2)]
    await stores.leases.disown(AGENT, [kept.lease])
    assert [task.id for task in await stores.leases.reap(10)] == [unknown.id]


async def test_a_deadline_ends_a_task_whether_it_waits_or_is_worked_on(stores: Stores) -> None:
    soon = datetime.now(UTC) + timedelta(milliseconds=200)
    await stores.tasks.create([new_task(deadline=soon), new_task(deadline=soon)])
    await stores.claim_one()
    reaped = await eventually(lambda: stores.leases.reap(10), within=5)
    assert [(task.state, task.error and task.error.reason) for task in reaped] == [
        (TaskState.FAILED, "DEADLINE_EXCEEDED")
    ] * 2


async def test_a_cancelled_task_ends_its_attempt_and_changes_no_more(stores: Stores) -> None:
    await stores.tasks.create([new_task()])
    task = await stores.claim_one()
    assert (await stores.tasks.cancel("default", task.id)).state is TaskState.CANCELED
    with pytest.raises(TaskEnded):
        await stores.tasks.cancel("default", task.id)
    assert await stores.leases.settle([Result(task.lease, AGENT, None)]) == ([False], [])
    (attempt,) = await stores.tasks.attempts("default", task.id)
    assert attempt.outcome is AttemptOutcome.CANCELED


async def test_progress_counts_only_under_the_current_lease(stores: Stores) -> None:
    await stores.tasks.create([new_task()])
    task = await stores.claim_one()
    late = Progress(LeaseKey(task.id, 0), AGENT, 0.9, "late")
    (noted,) = await stores.leases.record_progress([late, Progress(task.lease, AGENT, 0.5, "half")])
    assert (noted.progress, noted.progress_message, noted.revision) == (0.5, "half", task.revision + 1)


async def test_the_projection_follows_the_higher_revision(open_database: OpenDatabase) -> None:
    projection = PostgresAgentProjection(await open_database("orchestrator"), load_queries("rookery_orchestrator"))
    agent = KnownAgent(AGENT, "default", "one", ("work",), online=True, session_epoch=2, revision=5)
    await projection.learn(agent)
    await projection.learn(replace(agent, online=False, revision=4))
    assert await projection.find("default", AGENT) == agent
    assert await projection.find_by_name("default", "one") == agent
    assert await projection.find("other", AGENT) is None
    later = replace(agent, capabilities=("work", "rest"), revision=6)
    await projection.learn(later)
    assert await projection.find("default", AGENT) == later
