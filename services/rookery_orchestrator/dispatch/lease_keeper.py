"""Keeps the leases of living agents, and ends those of dead ones."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog
from rookery_kit.errors import RookeryError

from rookery_orchestrator.changes import TaskChanges
from rookery_orchestrator.dispatch.workers import Workers
from rookery_orchestrator.store import LeaseStore

_EXTEND_SECONDS = 0.1
_RETRY_SECONDS = 0.2
_BATCH = 500
_log = structlog.get_logger(__name__)


class LeaseExtension:
    """Extends, in one statement for all of them, the leases of agents that have given a sign of life."""

    def __init__(self, store: LeaseStore, workers: Workers) -> None:
        self._store = store
        self._workers = workers

    async def run(self) -> None:
        """Extends until cancelled. An outage of the database is waited out."""
        while True:
            await asyncio.sleep(_EXTEND_SECONDS)
            try:
                await self.extend_once()
            except RookeryError as error:
                _log.warning("leases wait", reason=error.reason)
                await asyncio.sleep(_RETRY_SECONDS)

    async def extend_once(self) -> None:
        """Extends what is due; agents hear of leases that turn out to be lost."""
        due = [held for worker in self._workers for held in worker.due_for_extension()]
        if not due:
            return
        extended = await self._store.extend(due)
        for held in due:
            worker = self._workers.find(held.agent_id)
            if worker is None or worker.epoch_of(held.lease.task_id) != held.lease.lease_epoch:
                continue
            duration: timedelta | None = extended.get(held.lease)
            if duration is None:
                worker.stop(held.lease, "LEASE_LOST")
            else:
                worker.hold(held.lease, duration)


class Reaper:
    """Takes tasks from agents whose lease has run out, and ends tasks whose deadline has passed.

    It begins after `grace` seconds: the agents of a replica that was killed may come back first.
    """

    def __init__(
        self,
        store: LeaseStore,
        changes: TaskChanges,
        events_waiting: Callable[[], None],
        *,
        every: float,
        grace: float,
    ) -> None:
        self._store = store
        self._changes = changes
        self._events_waiting = events_waiting
        self._every = every
        self._grace = grace

    async def run(self) -> None:
        """Reaps until cancelled. An outage of the database is waited out."""
        await asyncio.sleep(self._grace)
        while True:
            try:
                reaped = await self.reap_once()
            except RookeryError as error:
                _log.warning("reaper waits", reason=error.reason)
                reaped = 0
            if reaped < _BATCH:
                await asyncio.sleep(self._every)

    async def reap_once(self) -> int:
        """Reaps one batch and answers how many tasks changed."""
        tasks = await self._store.reap(_BATCH)
        if tasks:
            _log.info("reaped", tasks=len(tasks))
            self._changes.tell_of(tasks)
            self._events_waiting()
        return len(tasks)
