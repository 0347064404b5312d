"""The agents, as far as the orchestrator needs to know them."""

from dataclasses import dataclass
from typing import Protocol

from rookery_kit.errors import NotFound

Metadata = tuple[tuple[str, str], ...]


class AgentUnknown(NotFound):
    """No such agent is registered in the tenant."""

    reason = "AGENT_NOT_FOUND"

    def __init__(self, agent: str) -> None:
        super().__init__(f"no agent {agent} is registered", agent=agent)


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """An agent. `revision` rises with every change of it in the registry."""

    id: str
    tenant: str
    name: str
    capabilities: tuple[str, ...]
    online: bool
    session_epoch: int
    revision: int


class AgentDirectory(Protocol):
    """Finds agents. What is not known here is asked of the registry, with the caller's own token (`forward`)."""

    async def find(self, tenant: str, agent_id: str, forward: Metadata) -> KnownAgent:
        """The agent of an id. Raises AgentUnknown, or Unavailable when the registry has to be asked and is away."""
        ...

    async def find_by_name(self, tenant: str, name: str, forward: Metadata) -> KnownAgent:
        """The agent of a name. Raises as `find` does."""
        ...

    async def session(self, tenant: str, agent_id: str, session_epoch: int, forward: Metadata) -> KnownAgent:
        """The agent, in the session that it names. Raises SessionSuperseded when there is a later one."""
        ...
