"""The ledger's rules over a real store that fails or hangs when told to."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from harness.databases import OpenDatabase
from harness.eventually import eventually
from rookery_kit.clock import SystemClock, new_id
from rookery_kit.errors import RookeryError
from rookery_kit.postgres import DatabaseUnavailable, load_queries
from rookery_tool_executor.model import (
    Execution,
    ExecutionAmbiguous,
    ExecutionInProgress,
    ExecutionState,
    Text,
    ToolAnswer,
    ToolCall,
    ToolNotFound,
)
from rookery_tool_executor.postgres import PostgresLedgerStore
from rookery_tool_executor.service.executor_lease import ExecutorLease
from rookery_tool_executor.service.ledger import Ledger
from rookery_tool_executor.store import ExecutionQuery, Outcome, Reservation

pytestmark = pytest.mark.capability("X10")

DONE = Outcome(ExecutionState.SUCCEEDED, ToolAnswer((Text("done"),)))
LONG = timedelta(minutes=1)


class UnsteadyStore(PostgresLedgerStore):
    """Is away for `outages` calls, and holds outcomes back while `open` is not set."""

    outages = 0
    open: asyncio.Event

    async def finalise(self, tenant: str, reservation: Reservation, outcome: Outcome) -> timedelta | None:
        await self.open.wait()
        self._stumble()
        return await super().finalise(tenant, reservation, outcome)

    async def refuse(self, execution_id: str, call: ToolCall, executor_id: str, error: RookeryError) -> None:
        self._stumble()
        await super().refuse(execution_id, call, executor_id, error)

    async def renew_lease(self, executor_id: str, duration: timedelta) -> None:
        self._stumble()
        await super().renew_lease(executor_id, duration)

    async def sweep(self) -> int:
        self._stumble()
        return await super().sweep()

    def _stumble(self) -> None:
        if self.outages:
            self.outages -= 1
            raise DatabaseUnavailable("the database does not answer")


@dataclass
class Bookkeeping:
    """A ledger over the store."""

    store: UnsteadyStore
    lease: ExecutorLease
    ledger: Ledger
    call: ToolCall = field(default_factory=lambda: ToolCall("red", "agent:a", "bench", "add", b"{}", "", str(uuid4())))

    async def claim(self, *, repeatable: bool = False, patience: float = 5) -> Reservation | Execution:
        return await self.ledger.claim(self.call, repeatable=repeatable, patience=patience)

    async def reserve(self, *, repeatable: bool = False) -> Reservation:
        claimed = await self.claim(repeatable=repeatable)
        assert isinstance(claimed, Reservation)
        return claimed

    async def state(self) -> ExecutionState | None:
        seen = await self.store.recall(self.call)
        return seen.execution.state if seen else None

    async def is_recorded(self) -> bool:
        return await self.state() is ExecutionState.SUCCEEDED

    def replica(self, lease: timedelta = LONG) -> "Bookkeeping":
        """Another executor's ledger over the same store, for the same call."""
        other = ExecutorLease(self.store, new_id(), lease)
        return Bookkeeping(self.store, other, a_ledger(self.store, other), self.call)


def a_ledger(store: UnsteadyStore, lease: ExecutorLease) -> Ledger:
    return Ledger(store, lease, clock=SystemClock(), new_id=new_id, sweep_seconds=0.05)


@pytest.fixture
async def books(open_database: OpenDatabase) -> Bookkeeping:
    store = UnsteadyStore(await open_database("tool_executor"), load_queries("rookery_tool_executor"))
    store.open = asyncio.Event()
    store.open.set()
    lease = ExecutorLease(store, new_id(), LONG)
    await lease.renew()
    return Bookkeeping(store, lease, a_ledger(store, lease))


async def test_an_outcome_that_the_store_did_not_take_is_recorded_later(books: Bookkeeping) -> None:
    reservation = await books.reserve()
    books.store.outages = 2
    with pytest.raises(DatabaseUnavailable):
        await books.ledger.finish(books.call, reservation, DONE)
    await eventually(books.is_recorded)
    assert isinstance(await books.claim(), Execution)


async def test_a_caller_that_goes_away_while_the_outcome_is_recorded_does_not_prevent_that(books: Bookkeeping) -> None:
    reservation = await books.reserve()
    books.store.open.clear()
    waiting = asyncio.create_task(books.ledger.finish(books.call, reservation, DONE))
    await asyncio.wait({waiting}, timeout=0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    books.store.open.set()
    await eventually(books.is_recorded)
    await books.ledger.close()


async def test_an_outcome_that_nobody_waits_for_is_recorded_before_the_ledger_closes(books: Bookkeeping) -> None:
    reservation = await books.reserve()
    books.ledger.finish_unheard(books.call, reservation, DONE)
    await books.ledger.close()
    assert await books.is_recorded()


async def test_a_waiting_repetition_hears_of_the_outcome_at_once(books: Bookkeeping) -> None:
    reservation = await books.reserve()
    waiting = asyncio.create_task(books.claim())
    await asyncio.wait({waiting}, timeout=0.1)
    await books.ledger.finish(books.call, reservation, DONE)
    recorded = await waiting
    assert isinstance(recorded, Execution)
    assert recorded.answer == DONE.answer


async def test_a_repetition_waits_no_longer_than_it_may(books: Bookkeeping) -> None:
    reservation = await books.reserve()
    with pytest.raises(ExecutionInProgress) as caught:
        await books.claim(patience=0.2)
    assert caught.value.metadata == {"execution_id": reservation.id}
    with pytest.raises(ExecutionInProgress):
        await books.replica().claim(patience=0.2)


async def test_a_lease_that_ran_out_unnoticed_is_taken_again_for_the_next_call(books: Bookkeeping) -> None:
    await books.lease.close()
    await books.reserve()


async def test_the_executor_that_was_taken_over_waits_for_the_other_ones_outcome(books: Bookkeeping) -> None:
    reservation = await books.reserve(repeatable=True)
    await books.lease.close()
    other = books.replica()
    taken_over = await other.reserve(repeatable=True)
    assert (taken_over.id, taken_over.epoch) == (reservation.id, 2)
    books.ledger.finish_unheard(books.call, reservation, Outcome(ExecutionState.FAILED, error_reason="TOOL_TIMEOUT"))
    await books.ledger.close()
    await other.ledger.finish(books.call, taken_over, DONE)
    assert isinstance(await books.claim(), Execution)
    assert await books.is_recorded()


async def test_a_lost_call_that_may_not_be_repeated_is_named_when_it_is_met(books: Bookkeeping) -> None:
    reservation = await books.reserve()
    await books.lease.close()
    with pytest.raises(ExecutionAmbiguous) as caught:
        await books.replica().claim()
    assert caught.value.metadata == {"execution_id": reservation.id}
    assert await books.state() is ExecutionState.AMBIGUOUS
    with pytest.raises(ExecutionAmbiguous):
        await books.ledger.settled(books.call)


async def test_what_was_reserved_without_getting_to_know_of_it_is_named_by_the_second_sweep(books: Bookkeeping) -> None:
    known = await books.reserve()
    unknown = Bookkeeping(books.store, books.lease, books.ledger)
    assert await books.store.reserve(new_id(), unknown.call, books.lease.id, repeatable=False)
    await books.ledger.sweep()
    assert await unknown.state() is ExecutionState.RESERVED
    await books.ledger.sweep()
    assert await unknown.state() is ExecutionState.AMBIGUOUS
    assert await books.state() is ExecutionState.RESERVED
    await books.ledger.finish(books.call, known, DONE)


async def test_an_outage_does_not_hide_why_a_call_was_refused(books: Bookkeeping) -> None:
    books.store.outages = 1
    await books.ledger.refuse(books.call, ToolNotFound("bench", "add"))
    await books.ledger.refuse(books.call, ToolNotFound("bench", "add"))
    page = await books.store.page("red", ExecutionQuery(None, "", "", 10, 1000))
    assert [execution.error_reason for execution in page.executions] == ["TOOL_NOT_FOUND"]


async def test_sweep_and_lease_outlast_an_outage(books: Bookkeeping) -> None:
    brief = books.replica(timedelta(seconds=0.3))
    await brief.lease.renew()
    running = [asyncio.create_task(brief.lease.run()), asyncio.create_task(books.ledger.run())]
    lost = books.replica()
    await lost.lease.renew()
    await lost.reserve()
    books.store.outages = 3
    await lost.lease.close()

    async def is_named() -> bool:
        return await books.state() is ExecutionState.AMBIGUOUS

    await eventually(is_named)
    assert books.store.outages == 0
    assert not any(task.done() for task in running)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
