"""The frames of WatchAgents."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing

from rookery.events.v1 import agent_event_pb2
from rookery.registry.v1 import agent_pb2, agent_watch_pb2
from rookery_kit.rpc import Call

from rookery_registry.encoding import encode_agent
from rookery_registry.rpc.pages import parts_that_fit
from rookery_registry.watching.log import LoggedChange, WatchFilter
from rookery_registry.watching.watch import AgentWatch, Changes, Frame, SnapshotComplete, SnapshotPart

_KINDS = {
    agent_event_pb2.AGENT_CHANGE_REGISTERED: agent_watch_pb2.WATCHED_CHANGE_KIND_REGISTERED,
    agent_event_pb2.AGENT_CHANGE_UPDATED: agent_watch_pb2.WATCHED_CHANGE_KIND_UPDATED,
    agent_event_pb2.AGENT_CHANGE_OFFLINE: agent_watch_pb2.WATCHED_CHANGE_KIND_OFFLINE,
    agent_event_pb2.AGENT_CHANGE_ONLINE: agent_watch_pb2.WATCHED_CHANGE_KIND_ONLINE,
    agent_event_pb2.AGENT_CHANGE_DEREGISTERED: agent_watch_pb2.WATCHED_CHANGE_KIND_DEREGISTERED,
}


class WatchStream:
    """Serves WatchAgents."""

    def __init__(self, watch: AgentWatch) -> None:
        self._watch = watch

    async def serve(
        self, request: agent_watch_pb2.WatchAgentsRequest, call: Call
    ) -> AsyncIterator[agent_watch_pb2.WatchAgentsResponse]:
        """The frames of one watcher until it goes."""
        status = agent_pb2.AgentStatus.Name(request.status).removeprefix("AGENT_STATUS_") if request.status else ""
        wanted = WatchFilter(request.capability, status)
        async with aclosing(self._watch.follow(call.principal.tenant, wanted, request.after_revision)) as frames:
            async for frame in frames:
                for response in _encode(frame):
                    yield response


def _encode(frame: Frame) -> Iterator[agent_watch_pb2.WatchAgentsResponse]:
    """A frame, or several where one would be too large."""
    match frame:
        case SnapshotPart(agents):
            for some in parts_that_fit(map(encode_agent, agents)):
                yield agent_watch_pb2.WatchAgentsResponse(snapshot=agent_watch_pb2.WatchedAgents(agents=some))
        case SnapshotComplete(place):
            yield agent_watch_pb2.WatchAgentsResponse(revision=place, synced=agent_watch_pb2.SnapshotComplete())
        case Changes(place, changes):
            encoded = (_encode_change(change, matches=matches) for change, matches in changes)
            *before, last = list(parts_that_fit(encoded)) or [()]
            for part in before:
                yield _told(part[-1].revision, part)
            yield _told(place, last)


def _told(place: int, changes: Sequence[agent_watch_pb2.WatchedChange]) -> agent_watch_pb2.WatchAgentsResponse:
    return agent_watch_pb2.WatchAgentsResponse(revision=place, changes=agent_watch_pb2.WatchedChanges(changes=changes))


def _encode_change(change: LoggedChange, *, matches: bool) -> agent_watch_pb2.WatchedChange:
    if matches:
        kind = _KINDS[change.event.change]
        return agent_watch_pb2.WatchedChange(revision=change.place, kind=kind, agent=change.event.agent)
    agent = change.event.agent
    return agent_watch_pb2.WatchedChange(
        revision=change.place,
        kind=agent_watch_pb2.WATCHED_CHANGE_KIND_DEPARTED,
        agent=agent_pb2.Agent(id=agent.id, tenant=agent.tenant, name=agent.name),
    )
