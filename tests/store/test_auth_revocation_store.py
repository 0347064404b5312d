from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from harness.databases import OpenDatabase
from harness.nats_server import RestartableNats
from nats.js.errors import NotFoundError
from rookery.events.v1 import identity_pb2
from rookery_auth.identity_stream import IdentityStream
from rookery_auth.model import Revocation
from rookery_auth.postgres import Announcements, PostgresRevocations
from rookery_kit.bus import Bus, OutboxRelay
from rookery_kit.bus.subjects import revocation_subject
from rookery_kit.bus.topology import IDENTITY_STREAM, Topology, ensure_topology
from rookery_kit.clock import SystemClock
from rookery_kit.identity_feed import Admission, RevocationKind
from rookery_kit.postgres import Database, DatabaseUnavailable, load_queries

NOW = datetime.now(UTC).replace(microsecond=300_000)
LATER, PAST = NOW + timedelta(hours=1), NOW - timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("auth")


@pytest.fixture
async def store(database: Database) -> PostgresRevocations:
    tables = (database, load_queries("rookery_auth"))
    # Nothing leaves the outbox before a test has it relayed.
    announcements = Announcements(*tables, Admission(SystemClock(), stale_after=300), lambda: None, patience=0.01)
    return PostgresRevocations(*tables, announcements)


@pytest.fixture
async def auth_bus(nats_server: RestartableNats) -> AsyncIterator[Bus]:
    """The bus as auth sees it."""
    connection = await Bus.connect(nats_server.url("auth"), name="test", topology=Topology())
    yield connection
    await connection.close()


async def announced(bus: Bus, revocation: Revocation) -> identity_pb2.Revocation:
    subject = revocation_subject(revocation.tenant, revocation.id)
    message = await bus.jetstream.get_last_msg(IDENTITY_STREAM, subject)
    return identity_pb2.Revocation.FromString(message.data or b"")


@pytest.mark.capability("A2")
async def test_a_subject_revoked_again_is_revoked_further_and_never_further_ahead(
    store: PostgresRevocations, database: Database, auth_bus: Bus
) -> None:
    revocation = Revocation(RevocationKind.SUBJECT, "default", "user:jane", NOW, LATER)
    relay = OutboxRelay(database, auth_bus)
    times = []
    for _ in range(20):
        await store.revoke_until_now("default", [(RevocationKind.SUBJECT, "user:jane")], timedelta(hours=1))
        assert await store.waiting()
        await relay.relay_once()
        assert not await store.waiting()
        times.append((await announced(auth_bus, revocation)).revoke_time.ToDatetime(UTC))
    assert times == sorted(set(times))
    (row,), read_time = await store.of("default", ["user:jane"])
    assert times[-1] - read_time < 2 * SECOND
    assert row.expire_time == row.revoke_time + timedelta(hours=1)


@pytest.mark.capability("A2")
async def test_what_was_read_before_a_revocation_was_committed_is_revoked_however_long_that_took(
    store: PostgresRevocations, database: Database
) -> None:
    asked = [(RevocationKind.ROLE, "clerk")]
    async with database.shared_transaction("default"):
        await store.revoke_until_now("default", asked, timedelta(hours=1))
        # A replica that reads now sees nothing of it yet.
        found, read_time = await store.of("default", ["clerk"])
        assert not found
    ((kept,), _) = await store.of("default", ["clerk"])
    assert read_time < kept.revoke_time


@pytest.mark.capability("A2")
async def test_a_revocation_that_would_be_committed_too_late_is_not_made(
    store: PostgresRevocations, database: Database
) -> None:
    async def slowly() -> None:
        async with database.shared_transaction("default") as connection:
            await store.revoke_until_now("default", [(RevocationKind.ROLE, "clerk")], timedelta(hours=1))
            # Set back, as if two seconds had passed since.
            await connection.execute("UPDATE revocations SET revoke_time = clock_timestamp()")

    with pytest.raises(DatabaseUnavailable):
        await slowly()
    assert (await store.of("default", ["clerk"]))[0] == []


@pytest.mark.capability("A2")
async def test_what_has_expired_leaves_the_table_and_the_stream_unless_it_was_revoked_again(
    store: PostgresRevocations, database: Database, auth_bus: Bus
) -> None:
    relay, stream = OutboxRelay(database, auth_bus), IdentityStream(auth_bus)
    kept = Revocation(RevocationKind.TOKEN, "default", "kept", LATER, LATER)
    over, again = (Revocation(RevocationKind.TOKEN, "acme", name, PAST, PAST) for name in ("over", "again"))
    for each in (kept, over, again):
        await store.revoke(each.kind, each.tenant, each.target, each.revoke_time, each.expire_time)
    await relay.relay_once()
    expired, state = await store.expired(10), await stream.state()
    assert {each.target for each in expired} == {"over", "again"}
    await store.revoke(again.kind, again.tenant, again.target, LATER, LATER)
    await relay.relay_once()
    await stream.remove(expired, state.last_sequence)
    await store.forget(expired)
    assert await store.expired(10) == []
    with pytest.raises(NotFoundError):
        await announced(auth_bus, over)
    for each in (kept, again):
        assert (await announced(auth_bus, each)).expire_time.ToDatetime(UTC) == LATER
    await store.replay()
    await relay.relay_once()
    assert (await stream.state()).last_sequence > state.last_sequence + 2


async def test_a_stream_made_anew_or_cut_short_may_lack_something(auth_bus: Bus) -> None:
    stream = IdentityStream(auth_bus)
    before = await stream.state()
    await stream.beat(NOW, ["one"])
    after = await stream.state()
    assert not after.may_lack_what(before)
    assert before.may_lack_what(after)
    await auth_bus.jetstream.delete_stream(IDENTITY_STREAM)
    await ensure_topology(auth_bus.jetstream, Topology())
    assert (await stream.state()).may_lack_what(after)
