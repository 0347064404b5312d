"""The store of tasks, as those see it who want work done."""

import json
from collections.abc import Sequence

from rookery_kit.bus import append_all
from rookery_kit.postgres import Database, Queries

from rookery_orchestrator.events import task_event
from rookery_orchestrator.model import Attempt, AttemptOutcome, NewTask, Task, TaskEnded, TaskNotFound, TaskQuery
from rookery_orchestrator.postgres.attempts import end_attempts
from rookery_orchestrator.postgres.rows import attempt_of, task_of


class PostgresTaskStore:
    """Implements TaskStore."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def create(self, tasks: Sequence[NewTask]) -> Sequence[Task]:
        """Keeps tasks of any tenants in one statement, and announces those that are new."""
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["create_tasks"], *_columns(tasks))
            created = {task.id: task for task in map(task_of, rows)}
            if created:
                await append_all(connection, [task_event(task) for task in created.values()])
            repeated = [task for task in tasks if task.id not in created]
            if repeated:
                keys = [[task.tenant for task in repeated], [task.creator for task in repeated]]
                requests = [task.request_id or None for task in repeated]
                known = await connection.fetch(self._queries["find_tasks_by_request"], *keys, requests)
                by_request = {(row["tenant"], row["creator"], str(row["request_id"])): task_of(row) for row in known}
                for task in repeated:
                    created[task.id] = by_request[task.tenant, task.creator, task.request_id]
        return [created[task.id] for task in tasks]

    async def find(self, tenant: str, task_id: str) -> Task:
        """The task of an id. Raises TaskNotFound."""
        async with self._database.transaction(tenant) as connection:
            row = await connection.fetchrow(self._queries["find_task"], tenant, task_id)
        if row is None:
            raise TaskNotFound(task_id)
        return task_of(row)

    async def attempts(self, tenant: str, task_id: str) -> Sequence[Attempt]:
        """Every lease of a task, oldest first."""
        async with self._database.transaction(tenant) as connection:
            return [attempt_of(row) for row in await connection.fetch(self._queries["list_attempts"], tenant, task_id)]

    async def page(self, tenant: str, query: TaskQuery) -> Sequence[Task]:
        """Tasks, newest first."""
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(
                self._queries["list_tasks"],
                tenant,
                query.after,
                query.state,
                query.capability or None,
                json.dumps(dict(query.labels)),
                query.limit,
            )
        return [task_of(row) for row in rows]

    async def cancel(self, tenant: str, task_id: str) -> Task:
        """Ends a task as CANCELED. Raises TaskNotFound, TaskEnded."""
        async with self._database.transaction(tenant) as connection:
            row = await connection.fetchrow(self._queries["lock_task"], tenant, task_id)
            if row is None:
                raise TaskNotFound(task_id)
            before = task_of(row)
            if before.state.ended:
                raise TaskEnded(task_id, before.state)
            canceled = await connection.fetchrow(self._queries["cancel_task"], task_id)
            assert canceled is not None
            task = task_of(canceled)
            await end_attempts(connection, self._queries, [(before.lease, AttemptOutcome.CANCELED, "")])
            await append_all(connection, [task_event(task)])
        return task


def _columns(tasks: Sequence[NewTask]) -> tuple[list[object], ...]:
    rows = [
        (
            task.id,
            task.tenant,
            task.creator,
            task.request_id or None,
            task.request_digest,
            task.title,
            task.capability,
            task.priority,
            task.input.content_type if task.input else None,
            task.input.data if task.input else None,
            json.dumps(dict(task.labels)),
            task.max_attempts,
            task.lease_duration,
            task.deadline,
            task.traceparent,
        )
        for task in tasks
    ]
    return tuple(map(list, zip(*rows, strict=True)))
