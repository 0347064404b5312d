"""Following the job: its tasks as they stand."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NoReturn

from rookery.orchestrator.v1 import task_pb2, task_service_pb2
from rookery_sdk import Client, RookeryError

from demo.agents.capabilities import ARCHIVE, SURVEY
from demo.agents.librarian import JOB
from demo.failure import DemoFailed

_POLL_SECONDS = 0.2
_CALL_SECONDS = 5.0
_PAGE = 200
ENDED = frozenset(
    {
        task_pb2.TASK_STATE_COMPLETED,
        task_pb2.TASK_STATE_FAILED,
        task_pb2.TASK_STATE_CANCELED,
        task_pb2.TASK_STATE_REJECTED,
    }
)


class Job:
    """The survey and the tasks that it was broken into, by their ids, as last seen."""

    def __init__(self, client: Client, survey_id: str) -> None:
        self._client = client
        self._seen = asyncio.Condition()
        self.survey_id = survey_id
        self.tasks: Mapping[str, task_pb2.Task] = MappingProxyType({})

    @classmethod
    async def submit(cls, client: Client) -> "Job":
        """Creates the survey."""
        survey = await client.create_task(SURVEY, title="Survey the documents of this repository")
        return cls(client, survey.id)

    @property
    def parts(self) -> list[task_pb2.Task]:
        """The tasks about documents, which are those that the archivist's waits for."""
        return [task for task in self.tasks.values() if task.capability not in {SURVEY, ARCHIVE}]

    @property
    def fraction(self) -> float:
        """How much of the work on documents is done; 0 until all of it has been handed out."""
        if not any(task.capability == ARCHIVE for task in self.tasks.values()):
            return 0.0
        return sum(task.state in ENDED for task in self.parts) / len(self.parts)

    @property
    def in_flight(self) -> list[task_pb2.Task]:
        """The tasks about documents that agents hold leases on."""
        return [task for task in self.parts if task.state == task_pb2.TASK_STATE_WORKING]

    async def run(self) -> NoReturn:
        """Looks again and again; what does not answer is asked again."""
        while True:
            await self.look()
            await asyncio.sleep(_POLL_SECONDS)

    async def look(self) -> bool:
        """Looks once. Answers whether the orchestrator has."""
        try:
            tasks = await self._all()
        except RookeryError:
            return False
        async with self._seen:
            self.tasks = MappingProxyType({task.id: task for task in tasks})
            self._seen.notify_all()
        if failed := [task for task in tasks if task.state in ENDED and task.state != task_pb2.TASK_STATE_COMPLETED]:
            task = failed[0]
            raise DemoFailed(f"“{task.title}” ended with {task.error.reason}: {task.error.message}")
        return True

    async def until(self, condition: Callable[[], object], what: str, within: float) -> None:
        """Waits until a condition on the tasks holds. Raises DemoFailed after `within` seconds."""
        try:
            async with asyncio.timeout(within), self._seen:
                await self._seen.wait_for(lambda: bool(condition()))
        except TimeoutError:
            stuck = ", ".join(sorted({task.title for task in self.tasks.values() if task.state not in ENDED})[:5])
            raise DemoFailed(f"{what} did not come to pass within {within:.0f} s (open: {stuck})") from None

    async def until_done(self, fraction: float, within: float) -> None:
        """Waits until so much of the work on documents is done. Raises DemoFailed after `within` seconds."""
        await self.until(lambda: self.fraction >= fraction, f"{fraction:.0%} of the work", within)

    async def first_completion_after(self, moment: float, within: float, agent_id: str = "") -> float:
        """Waits for a task that completed after a moment, by an agent if one is given. Answers when that was.

        Moments are in seconds since 1970, by the clock that the suite on this machine uses too.
        """

        def found() -> list[float]:
            ends = (_end(task) for task in self.parts if not agent_id or task.agent_id == agent_id)
            return [end for end in ends if end > moment]

        await self.until(found, "the next completed task", within)
        return min(found())

    async def _all(self) -> list[task_pb2.Task]:
        survey = await self._client.tasks.GetTask(
            task_service_pb2.GetTaskRequest(task_id=self.survey_id), timeout=_CALL_SECONDS
        )
        tasks = [survey.task]
        request = task_service_pb2.ListTasksRequest(page_size=_PAGE, labels={JOB: self.survey_id})
        while True:
            page = await self._client.tasks.ListTasks(request, timeout=_CALL_SECONDS)
            tasks += page.tasks
            if not page.next_page_token:
                return tasks
            request.page_token = page.next_page_token


def _end(task: task_pb2.Task) -> float:
    return task.end_time.ToNanoseconds() / 1e9 if task.state == task_pb2.TASK_STATE_COMPLETED else 0.0
