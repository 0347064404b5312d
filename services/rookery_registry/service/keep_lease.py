"""An agent gives its lease back."""

from rookery_kit.identity import Principal

from rookery_registry.model import AgentChange, AgentChanged, SessionSuperseded
from rookery_registry.service.authority import own_agent_id
from rookery_registry.store import AgentStore


class AgentLeases:
    """Ends the leases of agents on their own demand. What keeps and begins them are beats, written in groups."""

    def __init__(self, store: AgentStore) -> None:
        self._store = store

    async def give_back(self, principal: Principal, session_epoch: int) -> None:
        """Ends the caller's lease: it is offline at once.

        Raises NotAnAgent, AgentNotFound, SessionSuperseded.
        """
        agent_id = own_agent_id(principal)
        async with self._store.begin(principal.tenant) as agents:
            agent = await agents.lock(agent_id)
            if agent.session_epoch != session_epoch:
                raise SessionSuperseded(agent_id)
            ended = await agents.end_lease(agent_id)
            if ended is not None:
                await agents.announce(AgentChanged(AgentChange.OFFLINE, ended, ended.revision))
