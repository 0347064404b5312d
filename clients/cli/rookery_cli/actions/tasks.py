"""Tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from rookery.orchestrator.v1 import payload_pb2, task_pb2, task_service_pb2
from rookery_sdk import Client

from rookery_cli.documents import task_document
from rookery_cli.output import Column, Document, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.payload_text import payload_text
from rookery_cli.refusal import Refused
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago

# How long a watch waits for a suite that restarts.
_PATIENCE = 30.0


def _result(task: Document) -> str:
    if task["error"]:
        return f"{task['error']['reason']}: {task['error']['message']}"
    return task["progress_message"] or ""


def _done(task: Document) -> str:
    return f"{task['progress']:.0%}" if task["state"] == "WORKING" and task["progress"] else ""


def _attempts(task: Document) -> str:
    lines = []
    for attempt in task["attempt_history"]:
        outcome = attempt["outcome"] or "goes on"
        line = f"{attempt['lease_epoch']}: agent {attempt['agent_id']}, {ago(attempt['start_time'])}: {outcome}"
        lines.append(f"{line}: {attempt['error_message']}" if attempt["error_message"] else line)
    return "\n".join(lines)


_COLUMNS = (
    Column("ID", lambda task: task["id"], fixed=True),
    Column("STATE", lambda task: task["state"], fixed=True),
    Column("CAPABILITY", lambda task: task["capability"]),
    Column("TITLE", lambda task: task["title"]),
    Column("DONE", _done),
    Column("TRIES", lambda task: f"{task['attempts']}/{task['max_attempts']}"),
    Column("CREATED", lambda task: ago(task["create_time"])),
    Column("SAYS", _result),
)
_FIELDS = (
    Column("id", lambda task: task["id"]),
    Column("title", lambda task: task["title"]),
    Column("state", lambda task: task["state"]),
    Column("capability", lambda task: task["capability"]),
    Column("priority", lambda task: task["priority"]),
    Column("labels", lambda task: ", ".join(f"{key}={value}" for key, value in task["labels"].items())),
    Column("done", _done),
    Column("says", _result),
    Column("agent", lambda task: task["agent_id"]),
    Column("tries", lambda task: f"{task['attempts']} of at most {task['max_attempts']}"),
    Column("attempts", _attempts),
    Column("created", lambda task: f"{ago(task['create_time'])} by {task['creator']}"),
    Column("ended", lambda task: ago(task["end_time"])),
    Column("deadline", lambda task: ago(task["deadline"])),
    Column("input", lambda task: payload_text(task["input"])),
    Column("output", lambda task: payload_text(task["output"])),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task to create. `lease` and `within` are in seconds; None leaves them to the service."""

    capability: str
    content: payload_pb2.Payload | None
    title: str
    priority: int
    labels: Mapping[str, str]
    max_attempts: int
    lease: float | None
    within: float | None
    request_id: str | None


async def list_tasks(
    client: Client, state: str, capability: str, labels: Mapping[str, str], extent: Extent, output: Output
) -> None:
    """Shows tasks, newest first."""
    wanted = f"TASK_STATE_{state or 'UNSPECIFIED'}"

    async def fetch(size: int, token: str) -> tuple[Sequence[task_pb2.Task], str]:
        page = await client.tasks.ListTasks(
            task_service_pb2.ListTasksRequest(
                page_size=size, page_token=token, state=wanted, capability=capability, labels=labels
            ),
            timeout=CALL_SECONDS,
        )
        return page.tasks, page.next_page_token

    tasks, more = await collect(fetch, extent)
    output.listing("tasks", [task_document(task) for task in tasks], _COLUMNS, more=more)


async def show_task(client: Client, task_id: str, output: Output) -> None:
    """Shows one task with its attempts."""
    request = task_service_pb2.GetTaskRequest(task_id=task_id)
    output.one(task_document((await client.tasks.GetTask(request, timeout=CALL_SECONDS)).task), _FIELDS)


async def create_task(client: Client, wanted: Wanted, output: Output, *, wait: bool) -> None:
    """Creates a task and, where asked, waits for its end. Raises Refused when it then ends without an output."""
    task = await client.create_task(
        wanted.capability,
        wanted.content,
        title=wanted.title,
        priority=wanted.priority,
        labels=wanted.labels,
        max_attempts=wanted.max_attempts,
        lease_duration=None if wanted.lease is None else timedelta(seconds=wanted.lease),
        deadline=None if wanted.within is None else datetime.now(UTC) + timedelta(seconds=wanted.within),
        request_id=wanted.request_id,
    )
    if not wait:
        output.done(task_document(task), task.id)
        return
    ended = task
    async for state in client.watch(task.id, patience=_PATIENCE):
        ended = state
    if output.as_json:
        output.json(task_document(ended))
    else:
        output.line(payload_text(task_document(ended)["output"]))
    _require_output(ended)


async def cancel_task(client: Client, task_id: str, output: Output) -> None:
    """Cancels a task."""
    request = task_service_pb2.CancelTaskRequest(request_id=str(uuid4()), task_id=task_id)
    task = (await client.tasks.CancelTask(request, timeout=CALL_SECONDS)).task
    output.done(task_document(task), f"task {task.id} is canceled")


async def watch_task(client: Client, task_id: str, output: Output) -> None:
    """Shows every change of a task until it has ended: a line each, or a JSON document a line."""
    last: task_pb2.Task | None = None
    async for task in client.watch(task_id, patience=_PATIENCE):
        document = task_document(task)
        if output.as_json:
            output.json_line(document)
        else:
            parts = (document["state"], _done(document), document["agent_id"] or "", _result(document))
            output.line("  ".join(part for part in parts if part))
        last = task
    if last is not None:
        _require_output(last)


def _require_output(task: task_pb2.Task) -> None:
    if task.state == task_pb2.TASK_STATE_COMPLETED:
        return
    state = task_pb2.TaskState.Name(task.state).removeprefix("TASK_STATE_")
    reason = task.error.reason or state
    message = f"the task ended as {state}" + (f": {task.error.message}" if task.error.message else "")
    raise Refused(" ".join(message.split()), reason, f"`rookery tasks show {task.id}` shows its attempts")
