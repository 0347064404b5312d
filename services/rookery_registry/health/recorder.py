"""Reports are written in batches, beside the beats they came with."""

import asyncio
from collections import deque
from uuid import UUID

import structlog
from opentelemetry.metrics import Meter
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_registry.health.reports import HealthMetrics, HealthStore, Report

_EVERY_SECONDS = 1.0
_BATCH = 2_000
_MOST_WAITING = 50_000
_log = structlog.get_logger(__name__)


class HealthRecorder:
    """Keeps the latest report of each agent, and for the history at most one in `sample_seconds`.

    While the database is away up to 50,000 reports wait; beyond that the oldest are dropped, which Prometheus counts
    as `rookery_registry_health_reports_dropped_total`.
    """

    def __init__(self, store: HealthStore, clock: Clock, sample_seconds: float, meter: Meter) -> None:
        self._store = store
        self._clock = clock
        self._sample_seconds = sample_seconds
        self._history: deque[Report] = deque()
        self._latest: dict[tuple[str, UUID], Report] = {}
        self._dropped = meter.create_counter(
            "rookery_registry_health_reports_dropped", description="Reports that were not kept: the database was away"
        )
        # Counted from the start, so that an alert can tell none from unknown.
        self._dropped.add(0)

    def of(self, tenant: str, agent_id: UUID) -> "ReportsOfStream":
        """Where the reports of one stream go."""
        return ReportsOfStream(self, tenant, agent_id, self._sample_seconds)

    def now(self) -> float:
        """The clock by which reports are timed."""
        return self._clock.monotonic()

    def remember(self, report: Report) -> None:
        """For the history."""
        self._history.append(report)
        if len(self._history) > _MOST_WAITING:
            self._history.popleft()
            self._dropped.add(1)

    def replace(self, report: Report) -> None:
        """As the latest of its agent."""
        self._latest[report.tenant, report.agent_id] = report

    async def run(self) -> None:
        """Writes until cancelled. Outages of the database are waited out."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await self.flush()
            except RookeryError as error:
                _log.warning("health reports wait", reason=error.reason, waiting=len(self._history))

    async def flush(self) -> None:
        """Writes all that waits. Raises DatabaseUnavailable; what was not written waits on."""
        while self._history or self._latest:
            history = [self._history.popleft() for _ in range(min(_BATCH, len(self._history)))]
            latest = [self._latest.pop(key) for key in list(self._latest)[:_BATCH]]
            try:
                await self._store.write(self.now(), history, latest)
            except RookeryError:
                self._history.extendleft(reversed(history))
                for report in latest:
                    self._latest.setdefault((report.tenant, report.agent_id), report)
                raise


class ReportsOfStream:
    """Decides which reports of one stream go into the history; each is the latest."""

    __slots__ = ("_agent_id", "_recorder", "_sample_seconds", "_sampled", "_tenant")

    def __init__(self, recorder: HealthRecorder, tenant: str, agent_id: UUID, sample_seconds: float) -> None:
        self._recorder = recorder
        self._tenant = tenant
        self._agent_id = agent_id
        self._sample_seconds = sample_seconds
        self._sampled = float("-inf")

    def take(self, metrics: HealthMetrics) -> None:
        """A report has come."""
        now = self._recorder.now()
        report = Report(self._tenant, self._agent_id, now, metrics)
        self._recorder.replace(report)
        if now - self._sampled >= self._sample_seconds:
            self._sampled = now
            self._recorder.remember(report)
