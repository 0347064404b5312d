"""Taking the reports of agents, in groups."""

import random
from collections.abc import Callable, Sequence

from rookery_kit.group_commit import GroupCommit

from rookery_orchestrator.changes import TaskChanges
from rookery_orchestrator.reports import Progress, Report
from rookery_orchestrator.store import LeaseStore

_FIRST_RETRY_SECONDS = 0.2
_LONGEST_RETRY_SECONDS = 30.0


class Reporting:
    """Commits what agents report; reports that come at the same time share a commit."""

    def __init__(self, store: LeaseStore, changes: TaskChanges, events_waiting: Callable[[], None]) -> None:
        self._store = store
        self._changes = changes
        self._events_waiting = events_waiting
        self._settlements = GroupCommit(self._settle)
        self._progress = GroupCommit(self._note)

    async def settle(self, report: Report) -> bool:
        """Whether a report counts; it is durable then. False: the lease is lost."""
        return await self._settlements.submit(report)

    async def note(self, progress: Progress) -> None:
        """Notes how far a task is. Nothing happens where the lease is lost."""
        await self._progress.submit(progress)

    async def _settle(self, reports: Sequence[Report]) -> Sequence[bool]:
        verdicts, changed = await self._store.settle(reports)
        self._changes.tell_of(changed)
        self._events_waiting()
        return verdicts

    async def _note(self, progress: Sequence[Progress]) -> Sequence[None]:
        self._changes.tell_of(await self._store.record_progress(progress))
        return [None] * len(progress)


def retry_delay(attempt: int) -> float:
    """Seconds before the attempt after the `attempt`th: exponential, with full jitter."""
    ceiling = min(_LONGEST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2.0 ** min(attempt, 16))
    return random.uniform(_FIRST_RETRY_SECONDS / 2, ceiling)  # noqa: S311 -- spreads load, guards nothing
