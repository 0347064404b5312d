"""Who may act as an agent, and who may change one."""

from uuid import UUID

from rookery_kit.errors import PermissionMissing
from rookery_kit.identity import Principal

from rookery_registry.model import Agent, NotAnAgent

MANAGE = "agents:manage"


def own_agent_id(principal: Principal) -> str:
    """The id of the agent that the caller is. Raises NotAnAgent."""
    if principal.kind != "agent":
        raise NotAnAgent(principal.subject)
    try:
        return str(UUID(principal.identifier))
    except ValueError:
        raise NotAnAgent(principal.subject) from None


def require_authority_over(principal: Principal, agent: Agent) -> None:
    """Every agent may change itself; others need `agents:manage`. Raises PermissionMissing."""
    if principal.subject != agent.subject and not principal.permits(MANAGE):
        raise PermissionMissing(MANAGE)
