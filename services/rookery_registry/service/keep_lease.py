"""An agent shows that it lives, or gives its lease back."""

from datetime import timedelta

from rookery_kit.identity import Principal

from rookery_registry.model import AgentChange, AgentChanged, SessionSuperseded
from rookery_registry.service.authority import own_agent_id
from rookery_registry.store import AgentStore, AgentTransaction

_ENDED = timedelta(0)


class AgentLeases:
    """Extends, begins and ends the leases of agents, on their own demand."""

    def __init__(self, store: AgentStore) -> None:
        self._store = store

    async def extend(self, principal: Principal, session_epoch: int) -> timedelta:
        """Lets the caller's lease run anew and answers how long. An agent that was offline is online again.

        Raises NotAnAgent, AgentNotFound, SessionSuperseded.
        """
        agent_id = own_agent_id(principal)
        async with self._store.begin(principal.tenant) as agents:
            lease = await agents.extend_lease(agent_id, session_epoch)
            if lease is None:
                await _lock_session(agents, agent_id, session_epoch)
                agent = await agents.begin_lease(agent_id)
                await agents.announce(AgentChanged(AgentChange.ONLINE, agent, agent.revision))
                lease = agent.lease_duration
        return lease

    async def give_back(self, principal: Principal, session_epoch: int) -> timedelta:
        """Ends the caller's lease: it is offline at once. Answers how long it still runs, which is not at all.

        Raises NotAnAgent, AgentNotFound, SessionSuperseded.
        """
        agent_id = own_agent_id(principal)
        async with self._store.begin(principal.tenant) as agents:
            await _lock_session(agents, agent_id, session_epoch)
            ended = await agents.end_lease(agent_id)
            if ended is not None:
                await agents.announce(AgentChanged(AgentChange.OFFLINE, ended, ended.revision))
        return _ENDED


async def _lock_session(agents: AgentTransaction, agent_id: str, session_epoch: int) -> None:
    agent = await agents.lock(agent_id)
    if agent.session_epoch != session_epoch:
        raise SessionSuperseded(agent_id)
