"""The summary of the inbox: it never denies what was settled, whoever settled it and however late that is seen."""

import os
from datetime import timedelta

import pytest
from harness.databases import OpenDatabase
from rookery_kit.clock import SystemClock
from rookery_kit.postgres import Database, load_queries
from rookery_orchestrator.mailbox import inbox_summary
from rookery_orchestrator.mailbox.inbox_summary import InboxSummary, SettledAt, SettledHistory
from rookery_orchestrator.mailbox.settled_inbox import Settled
from rookery_orchestrator.postgres import PostgresSettledStore

KEPT = timedelta(days=7)
PLACE = 41
BACKDATED = """
INSERT INTO settled_messages (tenant, key, settle_time) VALUES ('acme', $1, now() - make_interval(secs => $2))
"""


def keys(count: int) -> list[bytes]:
    return [os.urandom(16) for _ in range(count)]


async def settle(inbox: PostgresSettledStore, several: list[bytes]) -> None:
    await inbox.add([Settled("acme", key, 1) for key in several])


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("orchestrator")


@pytest.fixture
def inbox(database: Database) -> PostgresSettledStore:
    return PostgresSettledStore(database, load_queries("rookery_orchestrator"))


def summary(inbox: SettledHistory, most: int = 100_000) -> InboxSummary:
    async def place() -> int:
        return PLACE

    return InboxSummary(inbox, SystemClock(), place, most=most, kept=KEPT, age=3.0)


async def test_the_inbox_is_read_on_in_the_order_of_transactions(inbox: PostgresSettledStore) -> None:
    before = await inbox.horizon()
    first, second = sorted(keys(4)), sorted(keys(3))
    await settle(inbox, first)
    await settle(inbox, second)
    page = await inbox.read_on(SettledAt(before, b""), 5)
    assert [each.key for each in page] == [*first, *second[:1]]
    assert [each.key for each in await inbox.read_on(page[-1], 5)] == second[1:]
    assert await inbox.horizon() > page[-1].transaction


async def test_the_inbox_is_read_whole_by_its_keys(inbox: PostgresSettledStore, database: Database) -> None:
    several = sorted(keys(5))
    await settle(inbox, several)
    async with database.system_statement() as connection:
        await connection.execute(BACKDATED, b"", KEPT.total_seconds() + 60)
    since = SystemClock().now() - KEPT
    assert await inbox.read(since, b"", 3) == several[:3]
    assert await inbox.read(since, several[2], 3) == several[3:]
    assert (await inbox.count(since, 3), await inbox.count(since, 100)) == (3, 5)


async def test_until_it_is_complete_it_denies_nothing(inbox: PostgresSettledStore) -> None:
    reading = summary(inbox)
    assert reading.complete is None
    assert all(reading.may_hold(key) for key in keys(1_000))


@pytest.mark.capability("M6")
async def test_it_denies_none_of_what_was_settled_and_most_of_what_was_not(inbox: PostgresSettledStore) -> None:
    before, later, here = keys(4_500), keys(700), keys(700)
    await settle(inbox, before)
    reading = summary(inbox)
    assert await reading.catch_up()
    assert reading.complete is not None
    assert reading.complete.place == PLACE
    reading.add(here)
    await settle(inbox, later)
    assert await reading.catch_up()
    assert all(reading.may_hold(key) for key in (*before, *later, *here))
    assert sum(reading.may_hold(key) for key in keys(10_000)) < 1_000


@pytest.mark.capability("M6")
async def test_what_is_committed_late_is_not_passed_over(inbox: PostgresSettledStore, database: Database) -> None:
    reading = summary(inbox)
    assert await reading.catch_up()
    (late,), between = keys(1), keys(10)
    async with database.system_transaction() as connection:
        await connection.execute(BACKDATED, late, 3600)
        for key in between:
            await settle(inbox, [key])
            assert await reading.catch_up()
        assert not reading.may_hold(late), "it is not committed yet"
    assert await reading.catch_up()
    assert all(reading.may_hold(key) for key in (late, *between))


async def test_it_begins_with_what_is_kept_also_where_the_transaction_is_not_known(
    inbox: PostgresSettledStore, database: Database
) -> None:
    kept, forgotten = keys(2)
    async with database.system_statement() as connection:
        await connection.execute(BACKDATED, kept, KEPT.total_seconds() - 60)
        await connection.execute(BACKDATED, forgotten, KEPT.total_seconds() + 60)
        await connection.execute("UPDATE settled_messages SET xid = NULL")
    reading = summary(inbox)
    assert await reading.catch_up()
    assert reading.may_hold(kept)
    assert not reading.may_hold(forgotten)


async def test_where_more_was_settled_than_it_may_hold_it_denies_nothing(inbox: PostgresSettledStore) -> None:
    await settle(inbox, keys(2_500))
    reading = summary(inbox, most=2_000)
    assert not await reading.catch_up()
    assert all(reading.may_hold(key) for key in keys(1_000))


@pytest.mark.capability("M6")
async def test_when_it_is_full_it_begins_anew_and_keeps_what_is_being_settled(
    inbox: PostgresSettledStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_summary, "_LEAST", 1_000)
    before, being_settled = keys(10), keys(10)
    await settle(inbox, before)
    reading = summary(inbox)
    assert await reading.catch_up()
    with reading.settling(being_settled):
        # As if these had been settled long ago, and forgotten since.
        reading.add(keys(1_300))
        assert await reading.catch_up()
        assert all(reading.may_hold(key) for key in (*before, *being_settled))
        assert sum(reading.may_hold(key) for key in keys(1_000)) < 100


@pytest.mark.capability("M6")
async def test_another_database_whose_transactions_are_counted_anew_is_read_whole(inbox: PostgresSettledStore) -> None:
    (settled,) = keys(1)
    await settle(inbox, [settled])
    restored = Restored(inbox)
    reading = summary(restored)
    assert await reading.catch_up()
    later = keys(5)
    await settle(inbox, later)
    restored.transactions_ahead = 0
    assert await reading.catch_up()
    assert all(reading.may_hold(key) for key in (settled, *later))


class Restored:
    """An inbox that was on a database with more transactions behind it."""

    def __init__(self, inbox: PostgresSettledStore) -> None:
        self._inbox = inbox
        self.transactions_ahead = 1_000_000
        self.count, self.read, self.read_on = inbox.count, inbox.read, inbox.read_on

    async def horizon(self) -> int:
        return await self._inbox.horizon() + self.transactions_ahead
