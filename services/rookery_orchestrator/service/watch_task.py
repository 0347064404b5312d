"""Watching tasks."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator

from rookery_orchestrator.changes import TaskChanges
from rookery_orchestrator.model import Task, TaskChange
from rookery_orchestrator.store import TaskStore

_LOOK_AGAIN_SECONDS = 2.0


class WatchTask:
    """Follows tasks. What happens on other replicas is heard over the bus, and looked for now and then in case not."""

    def __init__(self, store: TaskStore, changes: TaskChanges) -> None:
        self._store = store
        self._watched: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        changes.listen(self._changed)

    async def watch(self, tenant: str, task_id: str, after_revision: int) -> AsyncIterator[Task]:
        """The task whenever its revision has risen, until it has ended. Raises TaskNotFound."""
        changed = asyncio.Event()
        self._watched[task_id].add(changed)
        try:
            while True:
                changed.clear()
                task = await self._store.find(tenant, task_id)
                if task.revision > after_revision:
                    after_revision = task.revision
                    yield task
                if task.state.ended:
                    return
                try:
                    async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                        await changed.wait()
                except TimeoutError:
                    continue
        finally:
            watchers = self._watched[task_id]
            watchers.discard(changed)
            if not watchers:
                del self._watched[task_id]

    def _changed(self, change: TaskChange) -> None:
        for changed in self._watched.get(change.task_id, ()):
            changed.set()
