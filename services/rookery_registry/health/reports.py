"""Reports of health, and what storage makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class HealthMetrics:
    """What an agent says of itself; rates and means over the last minute. Of what it does not know it says 0."""

    requests_handled: int
    mean_response_ms: float
    error_rate: float
    cpu_fraction: float
    memory_bytes: int
    in_flight: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Report:
    """What an agent said, and when, in this replica's monotonic seconds."""

    tenant: str
    agent_id: UUID
    at: float
    metrics: HealthMetrics


@dataclass(frozen=True, slots=True)
class HealthPoint:
    """The reports of one stretch of time."""

    time: datetime
    sample_count: int
    mean: HealthMetrics
    min: HealthMetrics
    max: HealthMetrics


@dataclass(frozen=True, slots=True)
class HealthQuery:
    """Which points: from `start` on, before `end`; None is unbounded. `bucket` None: every moment is a point."""

    agent_id: str
    start: datetime | None
    end: datetime | None
    bucket: timedelta | None
    limit: int


class HealthStore(Protocol):
    """Keeps reports."""

    async def write(self, now: float, history: Sequence[Report], latest: Sequence[Report]) -> None:
        """Adds to the history, and replaces the latest, of one agent each. `now` is the clock they were taken by."""
        ...

    async def points(self, tenant: str, query: HealthQuery) -> Sequence[HealthPoint]:
        """The points of a query, oldest first. Raises AgentNotFound when there is neither the agent nor a report."""
        ...

    async def trim(self, keep: timedelta, limit: int) -> int:
        """Removes at most `limit` reports that are older, and answers how many; and what agents that are gone left."""
        ...
