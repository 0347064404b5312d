"""Checking that what the suite promises has held. Every check names what did not."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rookery.orchestrator.v1 import task_pb2, task_service_pb2
from rookery.tool_executor.v1 import tool_pb2, tool_service_pb2
from rookery_sdk import Client, decode

from demo.agents.capabilities import ARCHIVE, SURVEY
from demo.failure import DemoFailed
from demo.run.expectation import Key, document_of
from demo.run.job import Job

_CALL_SECONDS = 30.0
_LOST = frozenset(
    {
        task_pb2.ATTEMPT_OUTCOME_LEASE_EXPIRED,
        task_pb2.ATTEMPT_OUTCOME_RELEASED,
        task_pb2.ATTEMPT_OUTCOME_FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class TaskCount:
    """The tasks of the job, how often they were given to agents, and how many were given to more than one lease."""

    tasks: int
    attempts: int
    reassigned: int


@dataclass(frozen=True, slots=True)
class ToolCallCount:
    """Tool calls by how they ended.

    `refusing` answers are the tool's own word that it failed, such as for a file that is not there; `unanswered` calls
    failed without an answer; of `ambiguous` ones it is not known whether the tool has acted.
    """

    succeeded: int
    refusing: int
    unanswered: int
    ambiguous: int


async def count_tasks(client: Client, job: Job) -> TaskCount:
    """Checks that every task was completed exactly once. Raises DemoFailed."""
    attempts = reassigned = 0
    requests = [task_service_pb2.GetTaskRequest(task_id=task_id) for task_id in job.tasks]
    for response in await asyncio.gather(*(client.tasks.GetTask(each, timeout=_CALL_SECONDS) for each in requests)):
        task = response.task
        outcomes = Counter(attempt.outcome for attempt in task.attempt_history)
        completed = outcomes[task_pb2.ATTEMPT_OUTCOME_COMPLETED]
        if task.state != task_pb2.TASK_STATE_COMPLETED or completed != 1:
            state = task_pb2.TaskState.Name(task.state).removeprefix("TASK_STATE_")
            raise DemoFailed(f"“{task.title}” is {state} with {completed} completed attempts")
        attempts += len(task.attempt_history)
        reassigned += any(attempt.outcome in _LOST for attempt in task.attempt_history)
    return TaskCount(len(job.tasks), attempts, reassigned)


def check_results(tasks: Iterable[task_pb2.Task], before: Mapping[Key, object], after: Mapping[Key, object]) -> int:
    """Checks each result against what was expected before or after the run, and that no task is missing or double.

    Answers how many of the results could not be compared, because the files they are about changed during the run.
    Raises DemoFailed.
    """
    found: dict[Key, object] = {}
    for task in tasks:
        if task.capability in {SURVEY, ARCHIVE}:
            continue
        key = (task.capability, document_of(decode(task.input)) if task.HasField("input") else "")
        if key in found:
            raise DemoFailed(f"{' '.join(key)} was asked for twice")
        found[key] = decode(task.output)
    if missing := (before.keys() & after.keys()) - found.keys():
        raise DemoFailed(f"nobody was asked for {' '.join(min(missing))}")
    changing = {key for key in found if before.get(key) != after.get(key)}
    for key, result in found.items():
        if key not in changing and result != after[key]:
            raise DemoFailed(f"the result of {' '.join(key)} is not what it should be")
    return len(changing)


async def count_tool_calls(client: Client) -> ToolCallCount:
    """Counts the executions on record. Raises DemoFailed when the outcome of one is still open."""
    states: Counter[int] = Counter()
    refusing = 0
    request = tool_service_pb2.ListExecutionsRequest(page_size=50)
    while True:
        page = await client.tools.ListExecutions(request, timeout=_CALL_SECONDS)
        states.update(execution.state for execution in page.executions)
        refusing += sum(execution.is_error for execution in page.executions)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    if states[tool_pb2.EXECUTION_STATE_RESERVED]:
        raise DemoFailed(f"{states[tool_pb2.EXECUTION_STATE_RESERVED]} tool calls have no outcome")
    return ToolCallCount(
        succeeded=states[tool_pb2.EXECUTION_STATE_SUCCEEDED],
        refusing=refusing,
        unanswered=states[tool_pb2.EXECUTION_STATE_FAILED] - refusing,
        ambiguous=states[tool_pb2.EXECUTION_STATE_AMBIGUOUS],
    )
