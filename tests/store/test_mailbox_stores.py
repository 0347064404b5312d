"""What the mailbox keeps in Postgres: the inbox of settled messages, and messages for later."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from harness.databases import OpenDatabase
from rookery_kit.postgres import Database, load_queries
from rookery_orchestrator.mailbox.delayed import Delayed
from rookery_orchestrator.mailbox.model import Message, Priority
from rookery_orchestrator.mailbox.settled_inbox import Settled
from rookery_orchestrator.model import Payload
from rookery_orchestrator.postgres import PostgresDelayedStore, PostgresSettledStore


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("orchestrator")


@pytest.fixture
def settled(database: Database) -> PostgresSettledStore:
    return PostgresSettledStore(database, load_queries("rookery_orchestrator"))


@pytest.fixture
def delayed(database: Database) -> PostgresDelayedStore:
    return PostgresDelayedStore(database, load_queries("rookery_orchestrator"))


def due_in(seconds: float, *, tenant: str = "acme", recipient: str = "", priority: Priority = Priority.LOW) -> Delayed:
    now = datetime.now(UTC)
    message = Message(
        id=str(uuid4()),
        sender="agent:7",
        recipient_agent_id=recipient or str(uuid4()),
        priority=priority,
        type="note",
        payload=Payload("text/plain", b"later"),
        correlation_id="",
        reply_to_agent_id="",
        create_time=now,
        traceparent="",
        deliver_time=now + timedelta(seconds=seconds),
    )
    return Delayed(tenant, message)


@pytest.mark.capability("M6")
async def test_settled_messages_are_known_and_may_be_added_again(settled: PostgresSettledStore) -> None:
    await settled.add([Settled("acme", b"1" * 16, 1), Settled("other", b"2" * 16, 1)])
    await settled.add([Settled("acme", b"1" * 16, 2), Settled("acme", b"3" * 16, 1), Settled("acme", b"3" * 16, 1)])
    assert await settled.known([b"1" * 16, b"4" * 16, b"2" * 16]) == {b"1" * 16, b"2" * 16}


async def test_settled_messages_are_forgotten_when_their_time_is_over(settled: PostgresSettledStore) -> None:
    keys = [bytes([number]) * 16 for number in range(5)]
    await settled.add([Settled("acme", key, 1) for key in keys])
    assert await settled.sweep(timedelta(days=7), 100) == 0
    assert await settled.sweep(timedelta(0), 3) == 3
    assert await settled.sweep(timedelta(0), 3) == 2
    assert await settled.known(keys) == set()


async def test_only_what_is_due_is_taken_and_then_it_is_gone(delayed: PostgresDelayedStore) -> None:
    late, early, later = due_in(-1), due_in(-2), due_in(60)
    assert await delayed.add([late, early, later]) == [False, False, False]
    assert await delayed.add([late]) == [True]
    async with delayed.due(10, postpone=5) as due:
        assert list(due.messages) == [early, late]
    async with delayed.due(10, postpone=5) as due:
        assert list(due.messages) == []
    seconds = await delayed.seconds_to_next()
    assert seconds is not None
    assert 0 < seconds <= 60


async def test_what_is_put_off_is_due_later(delayed: PostgresDelayedStore) -> None:
    await delayed.add([due_in(-2), due_in(-1)])
    async with delayed.due(10, postpone=300) as due:
        due.postponed.add(1)
    seconds = await delayed.seconds_to_next()
    assert seconds is not None
    assert 200 < seconds <= 300


async def test_the_database_tells_its_time(delayed: PostgresDelayedStore) -> None:
    before = datetime.now(UTC)
    assert before <= await delayed.now() <= datetime.now(UTC)


async def test_replicas_never_take_the_same_messages(delayed: PostgresDelayedStore) -> None:
    await delayed.add([due_in(-1) for _ in range(4)])
    async with delayed.due(3, postpone=5) as here, delayed.due(3, postpone=5) as there:
        assert (len(here.messages), len(there.messages)) == (3, 1)


async def test_what_fails_in_between_is_kept(delayed: PostgresDelayedStore) -> None:
    await delayed.add([due_in(-1)])

    async def fail() -> None:
        async with delayed.due(10, postpone=5):
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with delayed.due(10, postpone=5) as due:
        assert len(due.messages) == 1


async def test_what_waits_is_counted_and_canceled_for_each_agent(delayed: PostgresDelayedStore) -> None:
    agent = str(uuid4())
    await delayed.add(
        [due_in(60, recipient=agent), due_in(60, recipient=agent, priority=Priority.HIGH), due_in(60, tenant="other")]
    )
    assert await delayed.waiting([("acme", agent), ("other", agent)]) == [2, 0]
    assert await delayed.cancel("other", agent, None) == 0
    assert await delayed.cancel("acme", agent, Priority.HIGH) == 1
    assert await delayed.cancel("acme", agent, None) == 1
