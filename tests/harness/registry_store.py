"""The registry's store of agents on a database of the test's own, and agents in it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from rookery_kit.filtering import parse_filter
from rookery_kit.postgres import Database, load_queries
from rookery_registry.model import Agent, AgentQuery, AgentRegistration
from rookery_registry.postgres import PostgresAgentStore
from rookery_registry.postgres.announcing import AnnouncingDatabase
from rookery_registry.store import AgentStore

TENANT = "default"
MINUTE, MOMENT = timedelta(minutes=1), timedelta(microseconds=1)


def agent_store(database: Database, wake: Callable[[], None] = lambda: None) -> AgentStore:
    """The store that the registry runs on."""
    return PostgresAgentStore(AnnouncingDatabase(database, wake), load_queries("rookery_registry"))


def registration(name: str = "scribe", **changes: object) -> AgentRegistration:
    """What an agent says when it registers."""
    made = AgentRegistration(name, "writes", ("write",), {"zone": "a"}, {"team": "docs"}, MINUTE)
    return replace(made, **changes)  # type: ignore[arg-type]


async def registered(
    store: AgentStore, agent_id: str = "", name: str = "scribe", tenant: str = TENANT, **changes: object
) -> Agent:
    """An agent, registered; a new identity unless one is given."""
    agent_id = agent_id or str(uuid4())
    async with store.begin(tenant) as agents:
        return await agents.register(agent_id, f"agent:{agent_id}", registration(name, **changes))


async def listed(
    store: AgentStore,
    text: str = "",
    *,
    tenant: str = TENANT,
    after: str = "",
    limit: int = 100,
) -> list[str]:
    """The names of the agents of a page, filtered by `text`."""
    async with store.begin(tenant) as agents:
        found = await agents.page(AgentQuery(limit, after, parse_filter(text)))
    return [agent.name for agent in found]
