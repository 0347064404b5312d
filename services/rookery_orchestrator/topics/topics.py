"""Topics and membership."""

from collections.abc import Callable, Sequence

from rookery_kit.clock import Clock
from rookery_kit.errors import PermissionMissing
from rookery_kit.identity import Principal

from rookery_orchestrator.directory import AgentDirectory, Metadata
from rookery_orchestrator.session_errors import NotAnAgent
from rookery_orchestrator.topics.model import Topic, TopicMember
from rookery_orchestrator.topics.store import TopicStore

_MANAGE = "topics:manage"


class Topics:
    """Creates topics, tells of them, and lets agents join. Names that are not there raise TopicNotFound."""

    def __init__(self, store: TopicStore, directory: AgentDirectory, clock: Clock, new_id: Callable[[], str]) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._new_id = new_id

    async def create(self, caller: Principal, name: str, description: str) -> Topic:
        """A new topic. Raises TopicExists."""
        topic = Topic(self._new_id(), caller.tenant, name, description, caller.subject, self._clock.now(), 0)
        return await self._store.create(topic)

    async def get(self, caller: Principal, name: str) -> Topic:
        """The topic of a name."""
        return await self._store.find(caller.tenant, name)

    async def delete(self, caller: Principal, name: str) -> None:
        """Removes a topic; what was published stays in the mailboxes."""
        await self._store.delete(caller.tenant, name)

    async def page(self, caller: Principal, after: str, member_agent_id: str, limit: int) -> Sequence[Topic]:
        """Topics by name, after one."""
        return await self._store.page(caller.tenant, after, member_agent_id.lower(), limit)

    async def join(self, caller: Principal, name: str, agent_id: str, forward: Metadata) -> TopicMember:
        """Makes an agent a member: the caller, or another, which must be registered.

        Raises NotAnAgent, PermissionMissing, AgentUnknown, FanOutLimit, or Unavailable.
        """
        agent = await self._directory.find(caller.tenant, _agent_of(caller, agent_id), forward)
        return await self._store.join(caller.tenant, name, agent.id)

    async def leave(self, caller: Principal, name: str, agent_id: str) -> None:
        """Ends a membership. Raises NotAnAgent or PermissionMissing."""
        await self._store.leave(caller.tenant, name, _agent_of(caller, agent_id))

    async def members(self, caller: Principal, name: str, after: str, limit: int) -> Sequence[TopicMember]:
        """Members by agent id, after one."""
        return await self._store.members(caller.tenant, name, after, limit)


def _agent_of(caller: Principal, agent_id: str) -> str:
    """The agent whose membership is meant. Raises NotAnAgent, or PermissionMissing when it is another's."""
    if not agent_id and caller.kind != "agent":
        raise NotAnAgent(caller.subject)
    chosen = agent_id.lower() or caller.identifier
    is_own = caller.kind == "agent" and chosen == caller.identifier
    if not is_own and not caller.permits(_MANAGE):
        raise PermissionMissing(_MANAGE)
    return chosen
