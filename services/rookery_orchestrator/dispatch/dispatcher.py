"""The loop that brings waiting tasks and free agents together."""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from rookery_kit.errors import RookeryError

from rookery_orchestrator.changes import TaskChanges
from rookery_orchestrator.dispatch.workers import Workers
from rookery_orchestrator.model import Task, TaskChange, TaskState
from rookery_orchestrator.reports import Release
from rookery_orchestrator.store import LeaseStore

_RETRY_SECONDS = 0.2
_log = structlog.get_logger(__name__)


class Dispatcher:
    """Claims tasks for the agents of this replica and hands them over.

    It looks when a task comes to wait, when credits are granted, and every `poll` seconds in case it was not told. A
    claim is committed before its assignment is sent; replicas share the queue without knowing each other.
    """

    def __init__(
        self,
        store: LeaseStore,
        workers: Workers,
        changes: TaskChanges,
        events_waiting: Callable[[], None],
        *,
        poll: float,
    ) -> None:
        self._store = store
        self._workers = workers
        self._changes = changes
        self._events_waiting = events_waiting
        self._poll = poll
        self._look_at: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()
        changes.listen(self._changed)

    def look(self, tenant: str, capabilities: frozenset[str]) -> None:
        """Somebody has become free for these capabilities."""
        self._look_at.update((tenant, capability) for capability in capabilities)
        self._wake.set()

    async def run(self) -> None:
        """Dispatches until cancelled. An outage of the database is waited out."""
        while True:
            try:
                async with asyncio.timeout(self._poll):
                    await self._wake.wait()
            except TimeoutError:
                self._look_at = self._workers.wanted()
            self._wake.clear()
            looked_at, self._look_at = self._look_at, set()
            try:
                await self._dispatch(looked_at)
            except RookeryError as error:
                _log.warning("dispatch waits", reason=error.reason)
                await asyncio.sleep(_RETRY_SECONDS)
                self._look_at |= looked_at
                self._wake.set()

    async def _dispatch(self, looked_at: set[tuple[str, str]]) -> None:
        wanted = looked_at & self._workers.wanted()
        if len(wanted) > 1:
            wanted = set(await self._store.waiting(sorted(wanted)))
        for tenant, capability in sorted(wanted):
            demand = self._workers.demand(tenant, capability)
            if demand is None:
                continue
            tasks = await self._store.claim(demand)
            await self._hand_over(tasks)
            self._events_waiting()
            if len(tasks) == len(demand.slots):
                # There may be more than one claim takes.
                self.look(tenant, frozenset({capability}))

    async def _hand_over(self, tasks: Sequence[Task]) -> None:
        homeless: list[Task] = []
        for task in tasks:
            worker = self._workers.find(task.agent_id)
            if worker is None or worker.credits <= 0:
                homeless.append(task)
            else:
                worker.assign(task)
        self._changes.tell_of(tasks)
        if homeless:
            # The stream ended, or was opened anew, while the claim was being committed.
            _, released = await self._store.settle([Release(task.lease, task.agent_id) for task in homeless])
            self._changes.tell_of(released)

    def _changed(self, change: TaskChange) -> None:
        if change.state is TaskState.SUBMITTED:
            self._look_at.add((change.tenant, change.capability))
            self._wake.set()
