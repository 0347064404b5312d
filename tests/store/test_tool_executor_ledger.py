"""What every store of the ledger must do."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from harness.databases import OpenDatabase
from harness.eventually import eventually
from rookery_kit.clock import new_id
from rookery_kit.postgres import load_queries
from rookery_tool_executor.model import (
    Blob,
    CallInterrupted,
    ExecutionState,
    FenceLost,
    ResourceReference,
    Text,
    ToolAnswer,
    ToolCall,
    ToolNotFound,
)
from rookery_tool_executor.postgres import PostgresLedgerStore
from rookery_tool_executor.store import ExecutionQuery, Held, LedgerStore, Outcome, Reservation

pytestmark = pytest.mark.capability("X10")

LONG = timedelta(minutes=1)
ANSWER = ToolAnswer(
    (Text("a \x00 b \N{GRINNING FACE}"), Blob("image/png", b"\x00\xff"), ResourceReference("file:///x")), b'{"a":1}'
)


@pytest.fixture
async def store(open_database: OpenDatabase) -> LedgerStore:
    return PostgresLedgerStore(await open_database("tool_executor"), load_queries("rookery_tool_executor"))


@pytest.fixture
async def executor_id(store: LedgerStore) -> str:
    return await executor(store)


async def executor(store: LedgerStore, lease: timedelta = LONG) -> str:
    executor_id = new_id()
    await store.renew_lease(executor_id, lease)
    return executor_id


async def dead_executor(store: LedgerStore) -> str:
    return await executor(store, timedelta(milliseconds=1))


def a_call(**changes: str) -> ToolCall:
    call = ToolCall("red", "agent:a", "bench", "add", b'{"a":1}', str(uuid4()), str(uuid4()))
    return replace(call, **changes)  # type: ignore[arg-type]


async def reserve(
    store: LedgerStore, call: ToolCall, executor_id: str, *, repeatable: bool = False
) -> Reservation | None:
    return await store.reserve(new_id(), call, executor_id, repeatable=repeatable)


async def reserved(store: LedgerStore, call: ToolCall, executor_id: str, *, repeatable: bool = False) -> Reservation:
    reservation = await eventually(lambda: reserve(store, call, executor_id, repeatable=repeatable))
    assert reservation is not None
    return reservation


async def store_as(store: LedgerStore, number: int, call: ToolCall, executor_id: str) -> Reservation:
    """Reserves under an id that sorts by `number`: ids made within one millisecond are in no order."""
    reservation = await store.reserve(f"{number:08}{new_id()[8:]}", call, executor_id, repeatable=False)
    assert reservation is not None
    return reservation


async def all_of(store: LedgerStore, tenant: str = "red", **query: str) -> list[str]:
    wanted = {"server": "", "task_id": "", **query}
    page = await store.page(tenant, ExecutionQuery(None, wanted["server"], wanted["task_id"], 100, 1_000_000))
    return [execution.id for execution in page.executions]


async def test_an_outcome_is_recalled_as_it_was_recorded(store: LedgerStore, executor_id: str) -> None:
    call = a_call()
    reservation = await reserved(store, call, executor_id)
    duration = await store.finalise("red", reservation, Outcome(ExecutionState.SUCCEEDED, ANSWER))
    seen = await store.recall(call)
    assert seen is not None
    assert seen.same_call
    assert seen.execution.call == call
    assert seen.execution.answer == ANSWER
    assert seen.execution.state is ExecutionState.SUCCEEDED
    assert seen.execution.duration == duration
    assert seen.execution.create_time == reservation.create_time


async def test_a_failure_is_recorded_with_its_reason(store: LedgerStore, executor_id: str) -> None:
    call = a_call()
    reservation = await reserved(store, call, executor_id)
    outcome = Outcome(ExecutionState.FAILED, error_reason="TOOL_TIMEOUT", error_message="too \x00 slow")
    await store.finalise("red", reservation, outcome)
    seen = await store.recall(call)
    assert seen is not None
    assert (seen.execution.error_reason, seen.execution.answer) == ("TOOL_TIMEOUT", None)
    assert seen.execution.error_message == "too \N{REPLACEMENT CHARACTER} slow"


async def test_one_request_id_is_reserved_once(store: LedgerStore, executor_id: str) -> None:
    call = a_call()
    first = await reserved(store, call, executor_id)
    assert await reserve(store, call, executor_id, repeatable=True) is None
    assert await reserve(store, call, await executor(store), repeatable=True) is None
    await store.finalise("red", first, Outcome(ExecutionState.SUCCEEDED, ANSWER))
    assert await reserve(store, call, executor_id) is None
    assert await all_of(store) == [first.id]


async def test_another_call_under_the_same_request_id_is_told_apart(store: LedgerStore, executor_id: str) -> None:
    call = a_call()
    await reserved(store, call, executor_id)
    for other in (
        replace(call, arguments=b'{"a":2}'),
        replace(call, tool="sub"),
        replace(call, server="other"),
        replace(call, task_id=str(uuid4())),
    ):
        assert await reserve(store, other, executor_id, repeatable=True) is None
        seen = await store.recall(other)
        assert seen is not None
        assert not seen.same_call


async def test_the_same_request_id_of_another_subject_or_tenant_is_another(
    store: LedgerStore, executor_id: str
) -> None:
    call = a_call()
    await reserved(store, call, executor_id)
    assert await reserve(store, replace(call, subject="agent:b"), executor_id)
    assert await reserve(store, replace(call, tenant="blue"), executor_id)
    assert len(await all_of(store)) == 2
    assert len(await all_of(store, "blue")) == 1


async def test_calls_without_a_request_id_never_meet(store: LedgerStore, executor_id: str) -> None:
    call = a_call(request_id="")
    assert await reserve(store, call, executor_id)
    assert await reserve(store, call, executor_id)


async def test_nothing_is_reserved_without_a_living_lease(store: LedgerStore, executor_id: str) -> None:
    call = a_call()
    assert await reserve(store, call, new_id()) is None
    await store.close_lease(executor_id)
    assert await reserve(store, call, executor_id) is None
    await store.renew_lease(executor_id, LONG)
    assert await reserve(store, call, executor_id)


async def test_a_repeatable_call_of_a_lost_executor_is_taken_over_in_a_new_epoch(store: LedgerStore) -> None:
    call = a_call()
    lost = await dead_executor(store)
    await store.renew_lease(lost, LONG)
    first = await reserved(store, call, lost, repeatable=True)
    await store.close_lease(lost)
    second = await reserved(store, call, await executor(store), repeatable=True)
    assert (second.id, second.epoch) == (first.id, first.epoch + 1)
    with pytest.raises(FenceLost):
        await store.finalise("red", first, Outcome(ExecutionState.FAILED, error_reason="TOOL_TIMEOUT"))
    await store.finalise("red", second, Outcome(ExecutionState.SUCCEEDED, ANSWER))
    seen = await store.recall(call)
    assert seen is not None
    assert seen.execution.state is ExecutionState.SUCCEEDED


async def test_any_other_call_of_a_lost_executor_is_not_taken_over(store: LedgerStore, executor_id: str) -> None:
    call, lost = a_call(), await executor(store)
    await reserved(store, call, lost)
    await store.close_lease(lost)
    assert await reserve(store, call, executor_id, repeatable=True) is None
    seen = await store.recall(call)
    assert seen is not None
    assert seen.ownerless
    assert not seen.repeatable


async def test_a_lease_that_is_not_renewed_runs_out(store: LedgerStore, executor_id: str) -> None:
    call, silent = a_call(), await executor(store, timedelta(seconds=0.2))
    first = await reserved(store, call, silent, repeatable=True)
    assert (await reserved(store, call, executor_id, repeatable=True)).epoch == first.epoch + 1


async def test_the_sweep_names_what_lost_executors_left_in_every_tenant(store: LedgerStore, executor_id: str) -> None:
    lost = await executor(store)
    red, blue, living = a_call(), a_call(tenant="blue"), a_call()
    reservation = await reserved(store, red, lost)
    await reserved(store, blue, lost)
    await reserved(store, living, executor_id)
    assert await store.sweep() == 0
    await store.close_lease(lost)
    assert await store.sweep() == 2
    for call, state in (
        (red, ExecutionState.AMBIGUOUS),
        (blue, ExecutionState.AMBIGUOUS),
        (living, ExecutionState.RESERVED),
    ):
        seen = await store.recall(call)
        assert seen is not None
        assert seen.execution.state is state
        assert seen.execution.duration is None
    # Whoever knows the outcome after all may still tell it.
    await store.finalise("red", reservation, Outcome(ExecutionState.SUCCEEDED, ANSWER))
    seen = await store.recall(red)
    assert seen is not None
    assert seen.execution.state is ExecutionState.SUCCEEDED


async def test_an_ambiguous_call_is_repeated_only_where_that_is_safe(store: LedgerStore, executor_id: str) -> None:
    safe, unsafe = a_call(), a_call()
    for call, repeatable in ((safe, True), (unsafe, False)):
        reservation = await reserved(store, call, executor_id, repeatable=repeatable)
        await store.abandon(Held("red", reservation.id, reservation.epoch))
    assert await reserve(store, unsafe, executor_id) is None
    assert (await reserved(store, safe, executor_id, repeatable=True)).epoch == 2


async def test_what_an_executor_holds_is_listed_until_it_is_finalised(store: LedgerStore, executor_id: str) -> None:
    reservation = await reserved(store, a_call(), executor_id)
    other = await reserved(store, a_call(tenant="blue"), executor_id)
    held = await store.held_by(executor_id)
    assert set(held) == {Held("red", reservation.id, 1), Held("blue", other.id, 1)}
    await store.finalise("red", reservation, Outcome(ExecutionState.SUCCEEDED, ANSWER))
    assert [one.id for one in await store.held_by(executor_id)] == [other.id]


async def test_a_request_id_is_free_again_when_the_tool_was_not_called(store: LedgerStore, executor_id: str) -> None:
    call = a_call()
    first = await reserved(store, call, executor_id)
    reason = CallInterrupted.reason
    await store.finalise("red", first, Outcome(ExecutionState.FAILED, error_reason=reason, uncalled=True))
    assert await store.recall(call) is None
    second = await reserved(store, call, executor_id)
    assert await all_of(store) == [second.id, first.id]


async def test_a_refused_call_is_on_record_and_holds_no_request_id(store: LedgerStore, executor_id: str) -> None:
    call = a_call()
    await store.refuse(new_id(), call, executor_id, ToolNotFound("bench", "add"))
    assert await store.recall(call) is None
    page = await store.page("red", ExecutionQuery(None, "", "", 10, 1000))
    (refused,) = page.executions
    assert (refused.state, refused.error_reason) == (ExecutionState.FAILED, "TOOL_NOT_FOUND")
    assert refused.duration == timedelta(0)


async def test_pages_run_from_new_to_old_and_within_the_filters(store: LedgerStore, executor_id: str) -> None:
    task = str(uuid4())
    ids = []
    for number in range(5):
        changes = {"task_id": task if number % 2 else "", "server": f"s{number % 2}"}
        ids.append((await store_as(store, number, a_call(**changes), executor_id)).id)
    ids.reverse()
    first = await store.page("red", ExecutionQuery(None, "", "", 3, 1_000_000))
    assert [execution.id for execution in first.executions] == ids[:3]
    assert first.more
    second = await store.page("red", ExecutionQuery(ids[2], "", "", 3, 1_000_000))
    assert [execution.id for execution in second.executions] == ids[3:]
    assert not second.more
    assert await all_of(store, task_id=task) == await all_of(store, server="s1") == [ids[1], ids[3]]
    assert await all_of(store, "blue") == []


async def test_a_page_ends_where_its_bytes_are_used_up(store: LedgerStore, executor_id: str) -> None:
    large = replace(a_call(request_id=""), arguments=b"x" * 600)
    ids = [(await store_as(store, number, large, executor_id)).id for number in range(3)]
    page = await store.page("red", ExecutionQuery(None, "", "", 10, 1000))
    assert [execution.id for execution in page.executions] == ids[:0:-1]
    assert page.more
    single = await store.page("red", ExecutionQuery(None, "", "", 10, 1))
    assert len(single.executions) == 1
