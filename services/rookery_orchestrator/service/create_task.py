"""Accepting tasks."""

from collections.abc import Callable, Sequence

from rookery_kit.group_commit import GroupCommit
from rookery_kit.request_id import RequestIdReused

from rookery_orchestrator.changes import TaskChanges
from rookery_orchestrator.model import NewTask, Task
from rookery_orchestrator.store import TaskStore


class CreateTask:
    """Accepts tasks; those that come at the same time share a commit."""

    def __init__(self, store: TaskStore, changes: TaskChanges, events_waiting: Callable[[], None]) -> None:
        self._store = store
        self._changes = changes
        self._events_waiting = events_waiting
        self._commits = GroupCommit(self._commit)

    async def create(self, task: NewTask) -> Task:
        """The task as accepted, durable. The same request_id again: the task of before, as it stands.

        Raises RequestIdReused when another request came under the same request_id.
        """
        kept = await self._commits.submit(task)
        if kept.request_digest != task.request_digest:
            raise RequestIdReused
        return kept

    async def _commit(self, tasks: Sequence[NewTask]) -> Sequence[Task]:
        kept = await self._store.create(tasks)
        self._changes.tell_of(kept)
        self._events_waiting()
        return kept
