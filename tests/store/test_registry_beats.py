"""Groups of beats, as Postgres keeps them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from harness.databases import OpenDatabase
from harness.registry_store import MINUTE, MOMENT, TENANT, agent_store, registered
from rookery_kit.postgres import Database, load_queries
from rookery_registry.heartbeats.beats import Beat, Kept
from rookery_registry.model import Agent, AgentNotFound, Instruction, SessionSuperseded
from rookery_registry.postgres import PostgresBeatStore
from rookery_registry.postgres.announcing import AnnouncingDatabase
from rookery_registry.store import AgentStore

KEPT = Kept(MINUTE, draining=False, card_stale=False)


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("registry")


@pytest.fixture
def store(database: Database) -> AgentStore:
    return agent_store(database, lambda: None)


@pytest.fixture
def beats(database: Database) -> PostgresBeatStore:
    announcing = AnnouncingDatabase(database, lambda: None)
    own = load_queries("rookery_registry.heartbeats")
    return PostgresBeatStore(announcing, load_queries("rookery_registry"), own, timedelta(hours=1))


def beat(agent: Agent) -> Beat:
    return Beat(agent.tenant, UUID(agent.id), agent.session_epoch)


async def find(store: AgentStore, agent: Agent) -> Agent:
    async with store.begin(agent.tenant) as agents:
        return await agents.find(agent.id)


async def told(database: Database) -> int:
    async with database.system_transaction() as connection:
        counted: int = await connection.fetchval("SELECT count(*) FROM outbox")
    return counted


@pytest.mark.capability("R2")
async def test_keeping_a_lease_changes_nothing_but_the_lease_and_tells_nobody(
    store: AgentStore, beats: PostgresBeatStore, database: Database
) -> None:
    agent = await registered(store)
    before = await told(database)
    assert await beats.keep([beat(agent)]) == [KEPT]
    kept = await find(store, agent)
    assert kept.lease_expire_time > agent.lease_expire_time
    assert kept == replace(agent, lease_expire_time=kept.lease_expire_time)
    assert await told(database) == before


@pytest.mark.capability("R2")
async def test_a_group_gives_each_beat_its_own_outcome(
    store: AgentStore, beats: PostgresBeatStore, database: Database
) -> None:
    kept = await registered(store, name="kept")
    elsewhere = await registered(store, name="elsewhere", tenant="acme")
    superseded = await registered(store, name="superseded")
    await registered(store, superseded.id, "superseded")
    lapsed = await registered(store, name="lapsed", lease_duration=MOMENT)
    unknown = replace(kept, id=str(uuid4()))
    foreign = replace(elsewhere, tenant=TENANT)
    before = await told(database)
    outcomes = await beats.keep([beat(each) for each in (kept, elsewhere, superseded, lapsed, unknown, foreign)])
    assert outcomes[0] == outcomes[1] == KEPT
    assert isinstance(outcomes[2], SessionSuperseded)
    assert outcomes[3] == replace(KEPT, duration=MOMENT)
    assert isinstance(outcomes[4], AgentNotFound)
    assert isinstance(outcomes[5], AgentNotFound)
    assert (await find(store, lapsed)).revision > lapsed.revision
    # That the one that had lapsed is back.
    assert await told(database) == before + 1


@pytest.mark.capability("R2")
async def test_beats_that_come_before_the_first_sweep_after_an_outage_tell_nobody(
    store: AgentStore, beats: PostgresBeatStore, database: Database
) -> None:
    agent = await registered(store)
    before = await told(database)
    async with database.system_transaction() as connection:
        await connection.execute("UPDATE agents SET lease_expire_time = now() - interval '1 hour'")
        await connection.execute("UPDATE lease_sweeps SET sweep_time = now() - interval '2 hours'")
    assert await beats.keep([beat(agent)]) == [KEPT]
    kept = await find(store, agent)
    assert (kept.online, kept.revision) == (True, agent.revision)
    assert await told(database) == before


async def test_a_beat_whose_row_is_held_by_another_waits_for_the_next_group_and_holds_up_nobody(
    store: AgentStore, beats: PostgresBeatStore
) -> None:
    held, free = await registered(store, name="held"), await registered(store, name="free")
    async with store.begin(TENANT) as agents:
        await agents.lock(held.id)
        outcomes = await asyncio.wait_for(beats.keep([beat(held), beat(free)]), 5)
        assert outcomes == [None, KEPT]
    assert await beats.keep([beat(held)]) == [KEPT]


async def test_groups_of_the_same_agents_in_different_order_never_wait_for_each_other_in_a_ring(
    store: AgentStore, beats: PostgresBeatStore
) -> None:
    group = [beat(await registered(store, name=f"agent-{number}")) for number in range(50)]
    rounds = await asyncio.gather(*(beats.keep(group if number % 2 else group[::-1]) for number in range(8)))
    assert {outcome for outcomes in rounds for outcome in outcomes} <= {KEPT, None}


async def test_a_beat_brings_back_what_the_agent_is_to_be_told(store: AgentStore, beats: PostgresBeatStore) -> None:
    agent = await registered(store)
    for instruction, expected in (
        (Instruction.DRAIN, (True, False)),
        (Instruction.REFRESH_CARD, (True, True)),
        (Instruction.RESUME, (False, True)),
    ):
        async with store.begin(TENANT) as agents:
            await agents.lock(agent.id)
            await agents.instruct(agent.id, instruction)
        (kept,) = await beats.keep([beat(agent)])
        assert isinstance(kept, Kept)
        assert (kept.draining, kept.card_stale) == expected


async def test_a_beat_touches_no_index(store: AgentStore, beats: PostgresBeatStore, database: Database) -> None:
    agent = await registered(store)
    await beats.keep([beat(agent)])
    async with database.system_transaction() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    async with database.system_transaction() as connection:
        counts = await connection.fetchrow(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'agents'"
        )
    assert counts is not None
    assert tuple(counts) == (1, 1)
    assert timedelta(0) < (await find(store, agent)).lease_expire_time - agent.lease_expire_time
