"""Creating tasks and waiting for them."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rookery.orchestrator.v1 import task_pb2, task_service_pb2

from rookery_sdk import payload
from rookery_sdk.backoff import Backoff
from rookery_sdk.errors import RookeryError, Unavailable
from rookery_sdk.fields import check_labels, check_text, check_time
from rookery_sdk.patience import RENEWABLE, passes, patiently

if TYPE_CHECKING:
    from rookery.orchestrator.v1.task_service_pb2_grpc import TaskServiceAsyncStub

ENDED = frozenset(
    {
        task_pb2.TASK_STATE_COMPLETED,
        task_pb2.TASK_STATE_FAILED,
        task_pb2.TASK_STATE_CANCELED,
        task_pb2.TASK_STATE_REJECTED,
    }
)
_CREATE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to create. What is left out is decided by the service (priority 0, 5 attempts, leases of 10 s).

    Past its `deadline` (aware) it fails.
    """

    capability: str
    input: object = None
    title: str = ""
    priority: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    max_attempts: int = 0
    lease_duration: timedelta | None = None
    deadline: datetime | None = None

    def request(self) -> task_service_pb2.CreateTaskRequest:
        """The request, still without an id. Raises PayloadInvalid, or ValueError for what a field cannot hold."""
        check_text("capability", self.capability)
        check_text("title", self.title)
        check_labels("labels", self.labels.items())
        check_time("deadline", self.deadline)
        return task_service_pb2.CreateTaskRequest(
            title=self.title,
            capability=self.capability,
            priority=self.priority,
            input=payload.encode(self.input),
            labels=self.labels,
            max_attempts=self.max_attempts,
            lease_duration=self.lease_duration,
            deadline=self.deadline,
        )


async def create(
    stub: "TaskServiceAsyncStub", request: task_service_pb2.CreateTaskRequest, *, patience: float
) -> task_pb2.Task:
    """Creates a task, repeating under the same request_id while the suite is away. It is durable when this returns."""

    async def attempt() -> task_service_pb2.CreateTaskResponse:
        return await stub.CreateTask(request, timeout=_CREATE_SECONDS)

    return (await patiently(attempt, patience=patience)).task


async def watch(
    stub: "TaskServiceAsyncStub", task_id: str, *, after_revision: int = 0, patience: float | None = None
) -> AsyncIterator[task_pb2.Task]:
    """The task as it stands and after every change, until it has ended; goes on where it was after a lost connection.

    `patience` bounds in seconds how long nothing may be heard because the suite is away; None waits for ever.
    """
    backoff = Backoff()
    heard = time.monotonic()
    while True:
        wait = 0.0
        try:
            async for response in stub.WatchTask(
                task_service_pb2.WatchTaskRequest(task_id=task_id, after_revision=after_revision)
            ):
                backoff.reset()
                after_revision = response.task.revision
                yield response.task
                if response.task.state in ENDED:
                    return
                heard = time.monotonic()
        except RookeryError as error:
            wait = error.detail.retry_after or 0.0
            given_up = patience is not None and time.monotonic() - heard > patience
            if given_up or not (passes(error) or error.reason in RENEWABLE):
                raise
        await asyncio.sleep(backoff.next(at_least=wait))


async def wait(
    stub: "TaskServiceAsyncStub", task_id: str, *, timeout: float | None = None, patience: float | None = None
) -> task_pb2.Task:
    """The task when it has ended. Raises TimeoutError after `timeout` seconds."""
    async with asyncio.timeout(timeout):
        last: task_pb2.Task | None = None
        async for task in watch(stub, task_id, patience=patience):
            last = task
        if last is None:
            raise Unavailable(f"the watch of task {task_id} ended without an answer")
        return last
