"""Reading tasks."""

from collections.abc import Sequence

from rookery_orchestrator.model import Attempt, Task, TaskQuery
from rookery_orchestrator.store import TaskStore


class ReadTasks:
    """Answers tasks as they stand."""

    def __init__(self, store: TaskStore) -> None:
        self._store = store

    async def get(self, tenant: str, task_id: str) -> tuple[Task, Sequence[Attempt]]:
        """A task and its attempts, oldest first. Raises TaskNotFound."""
        return await self._store.find(tenant, task_id), await self._store.attempts(tenant, task_id)

    async def page(self, tenant: str, query: TaskQuery) -> Sequence[Task]:
        """Tasks, newest first."""
        return await self._store.page(tenant, query)
