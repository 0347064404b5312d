"""What a search for the best agents keeps to."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from harness.databases import OpenDatabase
from harness.registry_store import MINUTE, MOMENT, TENANT, agent_store, registered
from rookery_kit.filtering import InvalidFilter, parse_filter
from rookery_kit.postgres import Database
from rookery_registry.matching import AgentMatch, AgentSearch
from rookery_registry.model import Agent, Instruction
from rookery_registry.store import AgentStore


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("registry")


@pytest.fixture(params=["postgres"])
async def store(database: Database) -> AgentStore:
    return agent_store(database)


async def loaded(
    database: Database,
    agent: Agent,
    in_flight: int = 0,
    capacity: int = 10,
    error_rate: float = 0.0,
    mean_response_ms: float = 0.0,
    *,
    age: timedelta = timedelta(0),
) -> None:
    """Reports a load, `age` ago."""
    async with database.transaction(agent.tenant) as connection:
        await connection.execute(
            "INSERT INTO agent_load VALUES ($1, $2, $3, $4, $5, $6, now() - $7::interval)",
            agent.tenant, agent.id, in_flight, capacity, error_rate, mean_response_ms, age,
        )  # fmt: skip


async def search(store: AgentStore, limit: int = 10, tenant: str = TENANT, **wanted: object) -> Sequence[AgentMatch]:
    async with store.begin(tenant) as agents:
        return await agents.search(AgentSearch(limit, **wanted))  # type: ignore[arg-type]


async def names(store: AgentStore, limit: int = 10, tenant: str = TENANT, **wanted: object) -> list[str]:
    return [match.agent.name for match in await search(store, limit, tenant, **wanted)]


@pytest.mark.capability("R3")
async def test_the_best_is_free_sound_and_quick(store: AgentStore, database: Database) -> None:
    loads: dict[str, tuple[int, int, float, float]] = {
        "busy": (8, 10, 0.0, 0.0),
        "quick": (0, 10, 0.0, 10.0),
        "slow": (0, 10, 0.0, 1000.0),
        "failing": (0, 10, 0.4, 0.0),
    }
    for name, load in loads.items():
        await loaded(database, await registered(store, name=name), *load)
    unknown = await registered(store, name="unknown")
    found = await search(store)
    costs = [(match.agent.name, round(match.cost, 2)) for match in found]
    assert costs == [("quick", 0.01), ("slow", 0.5), ("unknown", 0.5), ("busy", 0.8), ("failing", 0.8)]
    by_name = {match.agent.name: match for match in found}
    assert by_name["unknown"].load is None
    assert by_name["unknown"].agent == unknown
    busy = by_name["busy"].load
    assert busy is not None
    assert (busy.in_flight, busy.capacity, busy.error_rate, busy.mean_response_ms) == (8, 10, 0.0, 0.0)
    assert await names(store, limit=2) == ["quick", "slow"]
    assert await names(store, max_cost=0.5) == ["quick", "slow", "unknown"]


@pytest.mark.capability("R3")
async def test_only_agents_that_could_take_work_now_are_found(store: AgentStore, database: Database) -> None:
    await registered(store, name="offline", lease_duration=MOMENT)
    draining = await registered(store, name="draining")
    async with store.begin(TENANT) as agents:
        await agents.instruct(draining.id, Instruction.DRAIN)
    await loaded(database, await registered(store, name="full"), 3, 3)
    await loaded(database, await registered(store, name="unbounded"), 3, 0)
    assert await names(store) == ["unbounded"]


@pytest.mark.capability("R3")
async def test_a_report_that_is_too_old_says_nothing(store: AgentStore, database: Database) -> None:
    fresh, stale = await registered(store, name="fresh"), await registered(store, name="stale")
    await loaded(database, fresh, 10, 10, age=MINUTE)
    await loaded(database, stale, 10, 10, age=3 * MINUTE)
    (match,) = await search(store)
    assert (match.agent.name, match.cost, match.load) == ("stale", 0.5, None)


@pytest.mark.capability("R3")
async def test_every_capability_and_label_asked_for_is_there(store: AgentStore) -> None:
    await registered(store, name="both", capabilities=("read", "write"), labels={"zone": "a"})
    await registered(store, name="one", capabilities=("read",), labels={"zone": "b"})
    assert await names(store, capabilities=("read",)) == ["both", "one"]
    assert await names(store, capabilities=("read", "write")) == ["both"]
    assert await names(store, labels={"zone": "b", "team": "docs"}) == ["one"]
    assert await names(store, labels={"zone": "*"}) == []
    assert await names(store, capabilities=("read",), filter=parse_filter("name != both")) == ["one"]
    with pytest.raises(InvalidFilter):
        await search(store, filter=parse_filter("colour = red"))


@pytest.mark.capability("A6")
async def test_a_search_finds_nothing_of_another_tenant(store: AgentStore) -> None:
    await registered(store, tenant="acme")
    assert await names(store) == []
    assert await names(store, tenant="acme") == ["scribe"]
