"""What every AgentStore keeps to."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from harness.databases import OpenDatabase
from harness.registry_store import MINUTE, MOMENT, TENANT, agent_store, listed, registered, registration
from rookery_kit.postgres import Database
from rookery_registry.model import (
    Agent,
    AgentChange,
    AgentChanged,
    AgentNameTaken,
    AgentNotFound,
    AgentUpdate,
    Instruction,
    SubjectAlreadyBound,
)
from rookery_registry.store import AgentStore, AgentTransaction


class Wakes:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("registry")


@pytest.fixture
def wakes() -> Wakes:
    return Wakes()


@pytest.fixture(params=["postgres"])
async def store(database: Database, wakes: Wakes) -> AgentStore:
    return agent_store(database, wakes)


@pytest.mark.capability("R1")
async def test_an_agent_is_found_as_it_was_registered(store: AgentStore) -> None:
    agent = await registered(store)
    assert (agent.online, agent.labels) == (True, {"zone": "a", "team": "docs"})
    assert agent.lease_expire_time == agent.create_time + MINUTE
    async with store.begin(TENANT) as agents:
        assert await agents.find(agent.id) == agent
        assert await agents.lock(agent.id) == agent


async def test_the_labels_of_the_enrolment_win_at_registration_and_at_every_update(store: AgentStore) -> None:
    agent = await registered(store, labels={"team": "mine", "zone": "a"})
    assert agent.labels == {"team": "docs", "zone": "a"}
    async with store.begin(TENANT) as agents:
        assert (await agents.update(agent.id, AgentUpdate(labels={"team": "mine"}))).labels == {"team": "docs"}
        assert (await agents.update(agent.id, AgentUpdate(description=""))).labels == {"team": "docs"}


async def test_an_update_leaves_what_it_does_not_name(store: AgentStore) -> None:
    agent = await registered(store)
    async with store.begin(TENANT) as agents:
        updated = await agents.update(agent.id, AgentUpdate(capabilities=()))
    assert updated == replace(agent, capabilities=(), revision=updated.revision, update_time=updated.update_time)
    assert updated.revision > agent.revision
    assert updated.etag != agent.etag


async def test_epoch_and_revision_rise_over_registrations_and_removals(store: AgentStore) -> None:
    first = await registered(store)
    second = await registered(store, first.id)
    async with store.begin(TENANT) as agents:
        removed, revision = await agents.remove(first.id)
    assert removed == second
    third = await registered(store, first.id, "renamed")
    assert first.session_epoch < second.session_epoch < third.session_epoch
    assert first.revision < second.revision < revision < third.revision


async def test_registrations_of_one_identity_at_once_get_rising_epochs_and_the_last_stands(store: AgentStore) -> None:
    agent_id = str(uuid4())
    registrations = await asyncio.gather(*(registered(store, agent_id) for _ in range(8)))
    assert len({agent.session_epoch for agent in registrations}) == 8
    last = max(registrations, key=lambda agent: agent.session_epoch)
    assert last.revision == max(agent.revision for agent in registrations)
    async with store.begin(TENANT) as agents:
        assert (await agents.find(agent_id)).session_epoch == last.session_epoch


async def test_of_many_who_want_one_name_at_once_one_gets_it(store: AgentStore) -> None:
    results = await asyncio.gather(*(registered(store) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(result, Agent) for result in results) == 1
    assert sum(isinstance(result, AgentNameTaken) for result in results) == 7


async def test_an_identity_keeps_its_name(store: AgentStore) -> None:
    agent = await registered(store)
    with pytest.raises(SubjectAlreadyBound):
        await registered(store, agent.id, "clerk")


@pytest.mark.capability("A6")
async def test_a_transaction_sees_its_tenant_only(store: AgentStore) -> None:
    agent = await registered(store)
    assert await listed(store, tenant="acme") == []
    async with store.begin("acme") as agents:
        for attempt in (
            agents.find(agent.id),
            agents.lock(agent.id),
            agents.update(agent.id, AgentUpdate(description="")),
            agents.instruct(agent.id, Instruction.DRAIN),
            agents.remove(agent.id),
        ):
            with pytest.raises(AgentNotFound):
                await attempt
        assert await agents.end_lease(agent.id) is None
    there = await registered(store, agent.id, "clerk", "acme")
    assert (there.id, there.tenant) == (agent.id, "acme")


@pytest.mark.capability("R2")
async def test_a_lease_that_has_run_out_counts_at_once(store: AgentStore) -> None:
    agent = await registered(store, lease_duration=MOMENT)
    async with store.begin(TENANT) as agents:
        assert not (await agents.find(agent.id)).online


async def test_a_lease_is_ended_once(store: AgentStore) -> None:
    agent = await registered(store)
    async with store.begin(TENANT) as agents:
        ended = await agents.end_lease(agent.id)
        assert ended is not None
        assert not ended.online
        assert ended.lease_expire_time <= ended.update_time
        assert await agents.end_lease(agent.id) is None
    assert agent.revision < ended.revision


@pytest.mark.capability("R2")
async def test_after_an_outage_leases_that_ran_when_it_began_run_anew_and_others_do_not(
    store: AgentStore, database: Database
) -> None:
    async with store.begin_expiry() as leases:
        assert await leases.note_sweep(MINUTE)
    running = await registered(store, name="running", lease_duration=MOMENT)
    lapsed = await registered(store, name="lapsed", lease_duration=MOMENT)
    async with database.system_transaction() as connection:
        await connection.execute(
            "UPDATE agents SET lease_duration = '1 minute', lease_expire_time = now() - interval '1 minute'"
        )
        await connection.execute(
            "UPDATE agents SET lease_expire_time = now() - interval '1 hour' WHERE id = $1", lapsed.id
        )
        await connection.execute("UPDATE lease_sweeps SET sweep_time = now() - interval '2 minutes'")
    async with store.begin_expiry() as leases:
        assert await leases.note_sweep(MINUTE)
        assert [agent.id for agent in await leases.expire(10)] == [lapsed.id]
    async with store.begin(TENANT) as agents:
        assert (await agents.find(running.id)).online
    async with store.begin_expiry() as leases:
        assert await leases.note_sweep(MINUTE)
        assert await leases.expire(10) == []


async def test_one_replica_sweeps_at_a_time(store: AgentStore) -> None:
    async with store.begin_expiry() as leases, store.begin_expiry() as others:
        assert await leases.note_sweep(MINUTE)
        assert not await others.note_sweep(MINUTE)


@pytest.mark.capability("R2")
async def test_each_lapsed_lease_expires_once_among_replicas_and_tenants(store: AgentStore) -> None:
    lapsed = {
        (await registered(store, name=f"agent-{number}", tenant=tenant, lease_duration=MOMENT)).id
        for number in range(10)
        for tenant in (TENANT, "acme")
    }
    await registered(store, name="alive")

    async def expire() -> list[Agent]:
        async with store.begin_expiry() as leases:
            return list(await leases.expire(7))

    batches = await asyncio.gather(*(expire() for _ in range(4)))
    assert all(len(batch) <= 7 for batch in batches)
    expired = [agent for batch in batches for agent in batch] + await expire() + await expire() + await expire()
    assert len(expired) == 20
    assert {agent.id for agent in expired} == lapsed
    assert not any(agent.online for agent in expired)
    assert await expire() == []


async def test_a_change_and_its_announcement_are_stored_together_or_not_at_all(
    store: AgentStore, database: Database, wakes: Wakes
) -> None:
    async def announce_and_fail() -> None:
        async with store.begin(TENANT) as agents:
            await announce(agents, str(uuid4()))
            await agents.find(str(uuid4()))

    with pytest.raises(AgentNotFound):
        await announce_and_fail()
    assert (await listed(store), await outbox(database), wakes.count) == ([], [], 0)
    async with store.begin(TENANT) as agents:
        agent = await announce(agents, str(uuid4()))
    assert wakes.count == 1
    assert await outbox(database) == [(f"rk.default.event.agent.{agent.id}", f"agent-{agent.id}-{agent.revision}")]


async def announce(agents: AgentTransaction, agent_id: str) -> Agent:
    agent = await agents.register(agent_id, f"agent:{agent_id}", registration())
    await agents.announce(AgentChanged(AgentChange.REGISTERED, agent, agent.revision))
    return agent


async def outbox(database: Database) -> list[tuple[str, str]]:
    async with database.system_transaction() as connection:
        rows = await connection.fetch("SELECT subject, message_id FROM outbox ORDER BY id")
    return [(row["subject"], row["message_id"]) for row in rows]
