"""An agent comes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from rookery_kit.identity import Principal

from rookery_registry.card import AgentCard
from rookery_registry.model import Agent, AgentChange, AgentChanged, AgentRegistration
from rookery_registry.service.authority import own_agent_id
from rookery_registry.store import AgentStore


@dataclass(frozen=True, slots=True)
class RegisterAgent:
    """What is asked for. `lease_duration` None means the default."""

    name: str
    description: str
    capabilities: tuple[str, ...]
    labels: Mapping[str, str]
    lease_duration: timedelta | None
    card: AgentCard = field(default_factory=AgentCard)


class AgentRegistrations:
    """Binds names to identities. `max_agents` answers how many agents a tenant may have; 0: any number."""

    def __init__(self, store: AgentStore, default_lease: timedelta, max_agents: Callable[[str], int]) -> None:
        self._store = store
        self._default_lease = default_lease
        self._max_agents = max_agents

    async def register(self, principal: Principal, command: RegisterAgent) -> Agent:
        """The caller's agent, online in a new session; sessions before it are superseded.

        Raises NotAnAgent, AgentNameTaken, SubjectAlreadyBound, QuotaExceeded.
        """
        agent_id = own_agent_id(principal)
        registration = AgentRegistration(
            name=command.name,
            description=command.description,
            capabilities=command.capabilities,
            labels=command.labels,
            enrolment_labels=dict(principal.labels),
            lease_duration=command.lease_duration or self._default_lease,
            card=command.card,
        )
        max_agents = self._max_agents(principal.tenant)
        async with self._store.begin(principal.tenant) as agents:
            agent = await agents.register(agent_id, f"agent:{agent_id}", registration, max_agents=max_agents)
            await agents.announce(AgentChanged(AgentChange.REGISTERED, agent, agent.revision))
        return agent
