"""An agent changes, or goes for good."""

from rookery_kit.identity import Principal

from rookery_registry.model import Agent, AgentChange, AgentChanged, AgentUpdate, EtagMismatch
from rookery_registry.service.authority import require_authority_over
from rookery_registry.store import AgentStore


class AgentChanges:
    """Updates and removes agents."""

    def __init__(self, store: AgentStore) -> None:
        self._store = store

    async def update(self, principal: Principal, agent_id: str, etag: str, update: AgentUpdate) -> Agent:
        """The agent as changed. An empty etag changes whatever is there.

        Raises AgentNotFound, PermissionMissing, EtagMismatch.
        """
        async with self._store.begin(principal.tenant) as agents:
            current = await agents.lock(agent_id)
            require_authority_over(principal, current)
            if etag and etag != current.etag:
                raise EtagMismatch(current.etag)
            agent = await agents.update(agent_id, update)
            await agents.announce(AgentChanged(AgentChange.UPDATED, agent, agent.revision))
        return agent

    async def deregister(self, principal: Principal, agent_id: str) -> None:
        """Removes the agent and frees its name. Raises AgentNotFound, PermissionMissing."""
        async with self._store.begin(principal.tenant) as agents:
            require_authority_over(principal, await agents.lock(agent_id))
            agent, revision = await agents.remove(agent_id)
            await agents.announce(AgentChanged(AgentChange.DEREGISTERED, agent, revision))
