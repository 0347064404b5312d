import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from harness.databases import OpenDatabase
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from opentelemetry.propagate import inject
from rookery_kit.bus import Bus, Event, EventConsumer, OutboxRelay, append
from rookery_kit.bus.outbox import MAX_EVENT_BYTES, EventTooLarge, OutgoingEvent, append_all
from rookery_kit.bus.subjects import event_subject
from rookery_kit.clock import new_id
from rookery_kit.postgres import Connection, Database
from rookery_kit.tracing import PassingOnTracer

SUBJECT = event_subject("acme", "agent", "7")
Handle = Callable[[Connection, Event], Awaitable[None]]


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("registry")


@asynccontextmanager
async def running(*endless: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Runs loops beside the block and ends them after it."""
    tasks = [asyncio.ensure_future(each()) for each in endless]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def consumer(bus: Bus, database: Database, handle: Handle, durable: str = "test-agents") -> EventConsumer:
    subject = event_subject("*", "agent", "*")
    return EventConsumer(bus, database, durable=durable, filter_subject=subject, handle=handle)


async def put(database: Database, *message_ids: str) -> None:
    """Stores events whose payload is their id."""
    async with database.transaction("acme") as connection:
        for message_id in message_ids:
            await append(connection, SUBJECT, message_id.encode(), message_id)


async def waiting(database: Database) -> int:
    async with database.system_transaction() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM outbox"))


async def published(bus: Bus) -> list[str]:
    """The payloads in the stream, in its order."""
    state = (await bus.jetstream.stream_info("EVENT")).state
    sequence = range(state.first_seq, state.first_seq + state.messages)
    messages = [await bus.jetstream.get_msg("EVENT", seq) for seq in sequence]
    return [(message.data or b"").decode() for message in messages]


async def test_events_leave_in_the_order_of_their_changes_and_then_the_outbox_is_empty(
    database: Database, bus: Bus
) -> None:
    await put(database, "a", "b")
    await put(database, "c")
    assert await OutboxRelay(database, bus).relay_once() == 3
    assert await published(bus) == ["a", "b", "c"]
    assert await waiting(database) == 0


async def test_an_event_of_a_change_that_was_taken_back_never_leaves(database: Database, bus: Bus) -> None:
    async def append_and_fail() -> None:
        async with database.transaction("acme") as connection:
            await append(connection, SUBJECT, b"never", "never")
            raise LookupError

    with pytest.raises(LookupError):
        await append_and_fail()
    assert await OutboxRelay(database, bus).relay_once() == 0
    assert await published(bus) == []


async def test_an_event_that_left_twice_is_stored_once(database: Database, bus: Bus) -> None:
    relay = OutboxRelay(database, bus)
    for _ in range(2):
        await put(database, "same")
        await relay.relay_once()
    assert await published(bus) == ["same"]


async def test_an_event_too_large_for_the_bus_takes_its_change_with_it(database: Database) -> None:
    async def append_too_much() -> None:
        async with database.transaction("acme") as connection:
            await append(connection, SUBJECT, b"small", "small")
            await append_all(connection, [OutgoingEvent(SUBJECT, b"x" * (MAX_EVENT_BYTES + 1), "large")])

    with pytest.raises(EventTooLarge):
        await append_too_much()
    assert await waiting(database) == 0


async def test_of_two_relays_one_relays_and_the_other_leaves_it_to_that(database: Database, bus: Bus) -> None:
    await put(database, "a")
    relay = OutboxRelay(database, bus)
    async with database.system_transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.outbox'))")
        assert await relay.relay_once() is None
    assert await relay.relay_once() == 1


async def test_a_relay_that_is_woken_does_not_wait(database: Database, bus: Bus) -> None:
    relay = OutboxRelay(database, bus)
    async with running(relay.run):
        for message_id in ("a", "b"):
            await put(database, message_id)
            relay.wake()
            await eventually(lambda: waiting_is(database, 0), within=0.9)
    assert await published(bus) == ["a", "b"]


async def waiting_is(database: Database, count: int) -> bool:
    return await waiting(database) == count


@pytest.mark.capability("M10")
async def test_an_event_carries_the_trace_of_its_change(database: Database, bus: Bus) -> None:
    carrier: dict[str, str] = {}
    with PassingOnTracer().start_as_current_span("change"):
        inject(carrier)
        await put(database, "traced")
    await put(database, "untraced")
    await OutboxRelay(database, bus).relay_once()
    headers = [(await bus.jetstream.get_msg("EVENT", seq)).headers or {} for seq in (1, 2)]
    assert headers[0]["traceparent"] == carrier["traceparent"]
    assert "traceparent" not in headers[1]


async def test_events_wait_out_an_outage_of_the_bus_and_arrive_once_in_order(
    database: Database, bus: Bus, nats_server: RestartableNats
) -> None:
    relay = OutboxRelay(database, bus)
    await put(database, "before")
    async with running(relay.run):
        await eventually(lambda: waiting_is(database, 0))
        await nats_server.kill()
        await eventually(lambda: not bus.client.is_connected)
        await put(database, "during", "and after")
        await nats_server.restart()
        await eventually(lambda: waiting_is(database, 0), within=20)
    assert await published(bus) == ["before", "during", "and after"]


async def test_each_event_takes_effect_once_also_when_it_comes_again(database: Database, bus: Bus) -> None:
    seen: list[str] = []

    async def handle(_connection: Connection, event: Event) -> None:
        seen.append(event.message_id)

    await bus.publish(SUBJECT, b"", message_id="one")
    async with running(consumer(bus, database, handle).run):
        await eventually(lambda: seen == ["one"])
    # As after a crash between the commit and the acknowledgement: the position is lost, the inbox is not.
    await bus.jetstream.delete_consumer("EVENT", "test-agents")
    await bus.publish(SUBJECT, b"", message_id="two")
    async with running(consumer(bus, database, handle).run):
        await eventually(lambda: seen == ["one", "two"])
        await eventually(lambda: settled(bus))
    assert seen == ["one", "two"]


async def settled(bus: Bus) -> bool:
    info = await bus.jetstream.consumer_info("EVENT", "test-agents")
    return (info.num_pending, info.num_ack_pending) == (0, 0)


async def test_two_consumers_each_get_every_event(database: Database, bus: Bus) -> None:
    seen: dict[str, list[str]] = {"first": [], "second": []}

    def into(name: str) -> Handle:
        async def handle(_connection: Connection, event: Event) -> None:
            seen[name].append(event.message_id)

        return handle

    message_ids = [new_id() for _ in range(3)]
    for message_id in message_ids:
        await bus.publish(SUBJECT, b"", message_id=message_id)
    loops = [consumer(bus, database, into(name), durable=name).run for name in seen]
    async with running(*loops):
        await eventually(lambda: seen == {"first": message_ids, "second": message_ids})


async def test_an_event_that_could_not_be_handled_comes_again_and_its_effect_was_taken_back(
    database: Database, bus: Bus
) -> None:
    attempts: list[str] = []

    async def handle(connection: Connection, event: Event) -> None:
        attempts.append(event.message_id)
        await append(connection, SUBJECT.replace("agent", "echo"), b"", f"echo {len(attempts)}")
        if len(attempts) == 1:
            raise LookupError("not this time")

    await bus.publish(SUBJECT, b"", message_id="one")
    async with running(consumer(bus, database, handle).run):
        await eventually(lambda: attempts == ["one", "one"])
        await eventually(lambda: settled(bus))
    async with database.system_transaction() as connection:
        assert await connection.fetchval("SELECT array_agg(message_id) FROM outbox") == ["echo 2"]
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 1


async def test_a_consumer_waits_out_an_outage_of_the_bus(
    database: Database, bus: Bus, nats_server: RestartableNats
) -> None:
    seen: list[str] = []

    async def handle(_connection: Connection, event: Event) -> None:
        seen.append(event.message_id)

    async with running(consumer(bus, database, handle).run):
        await bus.publish(SUBJECT, b"", message_id="one")
        await eventually(lambda: seen == ["one"])
        await nats_server.kill()
        await eventually(lambda: not bus.client.is_connected)
        await nats_server.restart()
        await eventually(lambda: bus.client.is_connected)
        await bus.publish(SUBJECT, b"", message_id="two")
        await eventually(lambda: seen == ["one", "two"], within=20)


async def test_urgent_events_leave_before_a_backlog_of_others(database: Database, bus: Bus) -> None:
    urgent = event_subject("acme", "agent", "8").replace(".event.", ".topic.")
    await put(database, *(str(number) for number in range(300)))
    async with database.transaction("acme") as connection:
        await append(connection, urgent, b"urgent", "urgent")
    relay = OutboxRelay(database, bus, urgent="topic")
    assert await relay.relay_once() == 256
    assert (await bus.jetstream.get_last_msg("TOPIC", urgent)).data == b"urgent"
    assert await relay.relay_once() == 45
    assert await published(bus) == [str(number) for number in range(300)]
