"""The log of changes, as those who follow it see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rookery.events.v1 import agent_event_pb2

from rookery_registry.model import Agent


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """A change with its place. All that is up to a place stays as it is; what comes later has a higher one."""

    place: int
    tenant: str
    event: agent_event_pb2.AgentChanged


@dataclass(frozen=True, slots=True)
class WatchFilter:
    """Which agents a watcher wants; `status` is ONLINE, DRAINING or OFFLINE. Empty means: any."""

    capability: str = ""
    status: str = ""


class ChangeLog(Protocol):
    """Gives places to changes, and reads them in their order."""

    async def newest(self) -> int:
        """Gives every committed change a place, and answers the highest."""
        ...

    async def advance(self, after: int, limit: int) -> Sequence[LoggedChange]:
        """Gives places, unless another replica is at it, and answers the changes after a place, of every tenant."""
        ...

    async def after(self, tenant: str, place: int, limit: int) -> Sequence[LoggedChange]:
        """The changes of a tenant after a place. Raises WatchTooOld when some of them are no longer kept."""
        ...

    async def snapshot(self, tenant: str, wanted: WatchFilter, after_name: str | None, limit: int) -> Sequence[Agent]:
        """Agents as they are, by name."""
        ...
