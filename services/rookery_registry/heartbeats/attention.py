"""Streams hear at once of changes that concern them; without it they would with the next beat."""

from uuid import UUID

from rookery.events.v1 import agent_event_pb2

from rookery_registry.heartbeats.groups import BeatGroups
from rookery_registry.model import AgentNotFound, SessionSuperseded
from rookery_registry.watching.log import LoggedChange


class StreamAttention:
    """Ends the streams of sessions that are over, and tells those that go on whether to drain."""

    def __init__(self, groups: BeatGroups) -> None:
        self._groups = groups

    def hear(self, change: LoggedChange) -> None:
        """A change of any agent."""
        agent = change.event.agent
        for pulse in self._groups.streams_of(change.tenant, UUID(agent.id)):
            if agent.session_epoch > pulse.session_epoch > 0:
                pulse.end(SessionSuperseded(agent.id))
            elif agent.session_epoch == pulse.session_epoch:
                if change.event.change == agent_event_pb2.AGENT_CHANGE_DEREGISTERED:
                    pulse.end(AgentNotFound(agent.id))
                else:
                    pulse.instructed(draining=agent.draining)
