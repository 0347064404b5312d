"""An agent is told what to do."""

from rookery_kit.identity import Principal

from rookery_registry.model import Agent, AgentChange, AgentChanged, Instruction
from rookery_registry.store import AgentStore


class AgentInstructions:
    """Notes what agents are to do; they hear of it over their heartbeats."""

    def __init__(self, store: AgentStore) -> None:
        self._store = store

    async def instruct(self, principal: Principal, agent_id: str, instruction: Instruction) -> Agent:
        """The agent afterwards. Raises AgentNotFound."""
        async with self._store.begin(principal.tenant) as agents:
            await agents.lock(agent_id)
            agent = await agents.instruct(agent_id, instruction)
            await agents.announce(AgentChanged(AgentChange.UPDATED, agent, agent.revision))
        return agent
