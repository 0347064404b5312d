"""Reading agents."""

from collections.abc import Sequence

from rookery_kit.identity import Principal

from rookery_registry.matching import AgentMatch, AgentSearch
from rookery_registry.model import Agent, AgentQuery
from rookery_registry.store import AgentStore


class AgentReads:
    """Answers what agents the caller's tenant has. A lease that has run out counts at once."""

    def __init__(self, store: AgentStore) -> None:
        self._store = store

    async def get(self, principal: Principal, agent_id: str) -> Agent:
        """One agent. Raises AgentNotFound."""
        async with self._store.begin(principal.tenant) as agents:
            return await agents.find(agent_id)

    async def list(self, principal: Principal, query: AgentQuery) -> Sequence[Agent]:
        """The agents of a query, ordered by name. Raises InvalidFilter."""
        async with self._store.begin(principal.tenant) as agents:
            return await agents.page(query)

    async def find(self, principal: Principal, search: AgentSearch) -> Sequence[AgentMatch]:
        """The agents that fit best, best first; those only that could take work now. Raises InvalidFilter."""
        async with self._store.begin(principal.tenant) as agents:
            return await agents.search(search)
