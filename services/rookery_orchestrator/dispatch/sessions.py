"""Opening and closing Work streams, and what agents say on them."""

from collections.abc import Sequence
from datetime import timedelta

import structlog
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_orchestrator.directory import KnownAgent
from rookery_orchestrator.dispatch.dispatcher import Dispatcher
from rookery_orchestrator.dispatch.frames import Accepted, Opened, Refused
from rookery_orchestrator.dispatch.reporting import Reporting
from rookery_orchestrator.dispatch.worker import Worker
from rookery_orchestrator.dispatch.workers import Workers
from rookery_orchestrator.model import LeaseKey, LeaseLost
from rookery_orchestrator.reports import Progress, Report
from rookery_orchestrator.store import Held, LeaseStore

_log = structlog.get_logger(__name__)


class WorkSessions:
    """The Work streams of this replica."""

    def __init__(
        self,
        *,
        store: LeaseStore,
        workers: Workers,
        dispatcher: Dispatcher,
        reporting: Reporting,
        clock: Clock,
        lease_grace: timedelta,
    ) -> None:
        self._store = store
        self._workers = workers
        self._dispatcher = dispatcher
        self._reporting = reporting
        self._clock = clock
        self._lease_grace = lease_grace

    async def open(self, agent: KnownAgent, capabilities: Sequence[str], claimed: Sequence[LeaseKey]) -> Worker:
        """Takes an agent in. It keeps those of the `claimed` leases that are still its own.

        Whatever else is leased to it, it knows nothing of, so these leases run out at once. `capabilities` narrows
        those registered; empty: all of them.
        """
        worker = Worker(agent, frozenset(capabilities), self._clock)
        self._workers.add(worker)
        kept = await self._store.extend([Held(lease, agent.id) for lease in claimed]) if claimed else {}
        for lease, duration in kept.items():
            worker.hold(lease, duration)
        await self._store.disown(agent.id, tuple(kept))
        worker.send(Opened(tuple(kept)))
        return worker

    async def close(self, worker: Worker) -> None:
        """Lets an agent go. Its leases outlive the stream by a grace, so that it may come back for them."""
        if not self._workers.remove(worker) or not worker.held:
            return
        try:
            await self._store.shorten(worker.held, self._lease_grace)
        except RookeryError as error:
            # They run out by themselves, only later.
            _log.warning("leases not shortened", agent_id=worker.agent.id, reason=error.reason)

    def grant(self, worker: Worker, count: int) -> None:
        """The agent is ready for more tasks."""
        worker.hear()
        worker.grant(count)
        self._dispatcher.look(worker.agent.tenant, worker.capabilities)

    async def note(self, worker: Worker, progress: Progress) -> None:
        """The agent tells how far a task is."""
        worker.hear()
        await self._reporting.note(progress)

    async def settle(self, worker: Worker, report: Report) -> None:
        """The agent ends a lease; it is answered once that is durable."""
        worker.hear()
        worker.let_go(report.lease)
        if await self._reporting.settle(report):
            worker.send(Accepted(report.lease))
        else:
            worker.send(Refused(report.lease, LeaseLost(report.lease)))
