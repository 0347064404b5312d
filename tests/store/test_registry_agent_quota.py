"""How many agents a tenant may have."""

import asyncio
from uuid import uuid4

import pytest
from harness.databases import OpenDatabase
from harness.registry_store import TENANT, agent_store, listed, registration
from rookery_kit.errors import QuotaExceeded
from rookery_registry.model import Agent
from rookery_registry.store import AgentStore

pytestmark = pytest.mark.capability("A11")


@pytest.fixture(params=["postgres"])
async def store(open_database: OpenDatabase) -> AgentStore:
    return agent_store(await open_database("registry"))


async def register(store: AgentStore, name: str, max_agents: int, agent_id: str = "", tenant: str = TENANT) -> Agent:
    agent_id = agent_id or str(uuid4())
    async with store.begin(tenant) as agents:
        return await agents.register(agent_id, f"agent:{agent_id}", registration(name), max_agents=max_agents)


async def test_one_more_than_the_quota_is_refused_and_leaves_nothing(store: AgentStore) -> None:
    await register(store, "a", 2)
    await register(store, "b", 2, tenant="acme")
    await register(store, "b", 2)
    with pytest.raises(QuotaExceeded) as caught:
        await register(store, "c", 2)
    assert caught.value.metadata == {"quota": "max_agents", "limit": "2", "subject": "tenant:default"}
    assert await listed(store) == ["a", "b"]


async def test_an_agent_that_is_there_registers_again_whatever_the_quota(store: AgentStore) -> None:
    agent = await register(store, "a", 0)
    await register(store, "b", 0)
    assert (await register(store, "a", 1, agent.id)).id == agent.id


async def test_a_removal_makes_room(store: AgentStore) -> None:
    agent = await register(store, "a", 1)
    async with store.begin(TENANT) as agents:
        await agents.remove(agent.id)
    await register(store, "b", 1)


async def test_many_at_once_do_not_exceed_it(store: AgentStore) -> None:
    calls = (register(store, f"agent-{number}", 3) for number in range(8))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, Agent) for result in results) == 3
    assert sum(isinstance(result, QuotaExceeded) for result in results) == 5
