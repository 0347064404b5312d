"""One watcher: a snapshot, then every change, at its own pace."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from enum import Enum

from rookery.events.v1 import agent_event_pb2
from rookery.registry.v1 import agent_pb2

from rookery_registry.model import Agent, WatchTooOld
from rookery_registry.watching.feed import ChangeFeed, TenantFeed
from rookery_registry.watching.log import ChangeLog, LoggedChange, WatchFilter

MOST_A_FRAME = 500
_BOOKMARK_SECONDS = 30.0
_NEVER = -1


@dataclass(frozen=True, slots=True)
class SnapshotPart:
    """Agents of the snapshot."""

    agents: Sequence[Agent]


@dataclass(frozen=True, slots=True)
class SnapshotComplete:
    """The snapshot is complete; `place` is where the changes go on."""

    place: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes up to `place`, each with whether the agent matches now; none when nothing happened for a while."""

    place: int
    changes: Sequence[tuple[LoggedChange, bool]]


Frame = SnapshotPart | SnapshotComplete | Changes


class Relevance(Enum):
    """What a change means to a watcher with a filter."""

    MATCHES = "matches"
    DEPARTED = "departed"
    NOTHING = "nothing"


class AgentWatch:
    """Serves watchers. Each holds no more than a page, however slowly it reads: what it is behind waits in the log."""

    def __init__(self, log: ChangeLog, feed: ChangeFeed, *, bookmark_seconds: float = _BOOKMARK_SECONDS) -> None:
        self._log = log
        self._feed = feed
        self._bookmark_seconds = bookmark_seconds

    async def follow(self, tenant: str, wanted: WatchFilter, after: int) -> AsyncGenerator[Frame, None]:
        """The frames of one watcher, without end. `after` 0 begins with a snapshot. Raises WatchTooOld."""
        await self._feed.begun()
        seen: dict[str, int] = {}
        seen_until = _NEVER
        with self._feed.of(tenant) as feed:
            if after:
                newest = await self._log.newest()
                if after > newest:
                    raise WatchTooOld(newest)
                place = after
            else:
                place = await self._log.newest()
                async for part in self._snapshot(tenant, wanted):
                    seen.update((agent.id, agent.revision) for agent in part)
                    yield SnapshotPart(part)
                # What the snapshot shows already is behind this place, and not to be told again.
                seen_until = await self._log.newest()
                yield SnapshotComplete(place)
            told = place
            while True:
                if place > seen_until:
                    seen = {}
                changes, place = await self._next(tenant, feed, place)
                news = [(change, matches) for change, matches in _relevant(changes, wanted) if _is_new(change, seen)]
                if news:
                    told = place
                    yield Changes(place, news)
                elif not changes and not feed.after(place, 1):
                    await feed.news(self._bookmark_seconds)
                    if not feed.after(place, 1):
                        place = max(place, self._feed.place)
                        if place > told:
                            told = place
                            yield Changes(place, ())

    async def _snapshot(self, tenant: str, wanted: WatchFilter) -> AsyncIterator[Sequence[Agent]]:
        name: str | None = None
        while part := await self._log.snapshot(tenant, wanted, name, MOST_A_FRAME):
            yield part
            name = part[-1].name
            if len(part) < MOST_A_FRAME:
                return

    async def _next(self, tenant: str, feed: TenantFeed, place: int) -> tuple[Sequence[LoggedChange], int]:
        """The next changes and the place behind them; from memory where they are all there."""
        if place >= feed.floor:
            changes = feed.after(place, MOST_A_FRAME)
            return changes, changes[-1].place if changes else place
        floor = feed.floor
        changes = await self._log.after(tenant, place, MOST_A_FRAME)
        if len(changes) == MOST_A_FRAME:
            return changes, changes[-1].place
        return changes, max(floor, changes[-1].place if changes else place)


def _relevant(changes: Sequence[LoggedChange], wanted: WatchFilter) -> Sequence[tuple[LoggedChange, bool]]:
    judged = ((change, relevance(change.event, wanted)) for change in changes)
    return [(change, means is Relevance.MATCHES) for change, means in judged if means is not Relevance.NOTHING]


def _is_new(change: LoggedChange, seen: dict[str, int]) -> bool:
    return change.event.revision > seen.get(change.event.agent.id, _NEVER)


def relevance(event: agent_event_pb2.AgentChanged, wanted: WatchFilter) -> Relevance:
    """What a change means to a watcher, who may or may not have heard of the agent before.

    An agent that does not match may have matched before, unless the change left alone what the filter looks at.
    """
    attributes_changed = event.change in _OF_ATTRIBUTES
    if wanted.capability and wanted.capability not in event.agent.capabilities:
        return Relevance.DEPARTED if attributes_changed else Relevance.NOTHING
    if event.change == agent_event_pb2.AGENT_CHANGE_DEREGISTERED or not wanted.status:
        return Relevance.MATCHES
    status = agent_pb2.AgentStatus.Name(event.agent.status).removeprefix("AGENT_STATUS_")
    if status == wanted.status:
        return Relevance.MATCHES
    # An update begins or ends draining, and never brings an agent online or offline.
    updated = event.change == agent_event_pb2.AGENT_CHANGE_UPDATED
    return Relevance.NOTHING if updated and "OFFLINE" in (status, wanted.status) else Relevance.DEPARTED


_OF_ATTRIBUTES = frozenset({agent_event_pb2.AGENT_CHANGE_REGISTERED, agent_event_pb2.AGENT_CHANGE_UPDATED})
