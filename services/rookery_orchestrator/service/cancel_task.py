"""Cancelling tasks."""

from collections.abc import Callable

from rookery_orchestrator.changes import TaskChanges
from rookery_orchestrator.model import Task
from rookery_orchestrator.store import TaskStore

AfterCommit = Callable[[Callable[[], None]], None]


class CancelTask:
    """Ends tasks on request."""

    def __init__(
        self, store: TaskStore, changes: TaskChanges, after_commit: AfterCommit, events_waiting: Callable[[], None]
    ) -> None:
        self._store = store
        self._changes = changes
        self._after_commit = after_commit
        self._events_waiting = events_waiting

    async def cancel(self, tenant: str, task_id: str) -> Task:
        """The task as cancelled; its agent is told to stop. Raises TaskNotFound, TaskEnded."""
        task = await self._store.cancel(tenant, task_id)
        self._after_commit(lambda: self._changes.tell_of([task]))
        self._after_commit(self._events_waiting)
        return task
