"""TaskService."""

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta

from rookery.orchestrator.v1 import task_service_pb2, task_service_pb2_grpc
from rookery_kit.clock import new_id
from rookery_kit.errors import InvalidArgument
from rookery_kit.postgres import PageToken
from rookery_kit.postgres.paging import page_size
from rookery_kit.rpc import Call
from rookery_kit.rpc.times import length_in, moment_in

from rookery_orchestrator.model import NewTask, TaskQuery, TaskState
from rookery_orchestrator.rpc.encoding import decode_payload, decode_state, encode_task
from rookery_orchestrator.rpc.work import Requests, WorkStream
from rookery_orchestrator.service.cancel_task import CancelTask
from rookery_orchestrator.service.create_task import CreateTask
from rookery_orchestrator.service.read_tasks import ReadTasks
from rookery_orchestrator.service.watch_task import WatchTask

_MAX_ATTEMPTS = 5
_LEASE_DURATION = timedelta(seconds=10)


class TaskRpc(task_service_pb2_grpc.TaskServiceServicer):
    """Serves TaskService."""

    def __init__(
        self, *, create: CreateTask, read: ReadTasks, cancel: CancelTask, watch: WatchTask, work: WorkStream
    ) -> None:
        self._create = create
        self._read = read
        self._cancel = cancel
        self._watch = watch
        self._work = work

    async def CreateTask(
        self, request: task_service_pb2.CreateTaskRequest, context: object
    ) -> task_service_pb2.CreateTaskResponse:
        """Accepts a task."""
        call = Call.of(context)
        task = await self._create.create(_decode_new_task(request, call))
        return task_service_pb2.CreateTaskResponse(task=encode_task(task))

    async def GetTask(
        self, request: task_service_pb2.GetTaskRequest, context: object
    ) -> task_service_pb2.GetTaskResponse:
        """Answers one task with its attempts."""
        task, attempts = await self._read.get(Call.of(context).principal.tenant, request.task_id)
        return task_service_pb2.GetTaskResponse(task=encode_task(task, attempts))

    async def ListTasks(
        self, request: task_service_pb2.ListTasksRequest, context: object
    ) -> task_service_pb2.ListTasksResponse:
        """Lists tasks, newest first."""
        listing = f"tasks {request.state} {request.capability} {json.dumps(dict(request.labels), sort_keys=True)}"
        after = PageToken.decode(listing, request.page_token)
        size = page_size(request.page_size)
        query = TaskQuery(
            limit=size + 1,
            after=after[0] if after else None,
            state=_decode_state_filter(request),
            capability=request.capability,
            labels=dict(request.labels),
        )
        tasks = await self._read.page(Call.of(context).principal.tenant, query)
        more = PageToken.encode(listing, tasks[size - 1].id) if len(tasks) > size else ""
        return task_service_pb2.ListTasksResponse(tasks=map(encode_task, tasks[:size]), next_page_token=more)

    async def CancelTask(
        self, request: task_service_pb2.CancelTaskRequest, context: object
    ) -> task_service_pb2.CancelTaskResponse:
        """Cancels a task."""
        task = await self._cancel.cancel(Call.of(context).principal.tenant, request.task_id)
        return task_service_pb2.CancelTaskResponse(task=encode_task(task))

    async def WatchTask(
        self, request: task_service_pb2.WatchTaskRequest, context: object
    ) -> AsyncIterator[task_service_pb2.WatchTaskResponse]:
        """Follows a task to its end."""
        tenant = Call.of(context).principal.tenant
        async for task in self._watch.watch(tenant, request.task_id, request.after_revision):
            yield task_service_pb2.WatchTaskResponse(task=encode_task(task))

    def Work(self, request_iterator: Requests, context: object) -> AsyncIterator[task_service_pb2.WorkResponse]:
        """Gives an agent work."""
        return self._work.serve(request_iterator, Call.of(context))


def _decode_new_task(request: task_service_pb2.CreateTaskRequest, call: Call) -> NewTask:
    principal = call.principal
    return NewTask(
        id=new_id(),
        tenant=principal.tenant,
        creator=principal.subject,
        request_id=request.request_id.lower(),
        request_digest=hashlib.sha256(request.SerializeToString(deterministic=True)).digest(),
        title=request.title,
        capability=request.capability,
        priority=request.priority,
        input=decode_payload(request.input) if request.HasField("input") else None,
        labels=dict(request.labels),
        max_attempts=request.max_attempts or _MAX_ATTEMPTS,
        lease_duration=length_in(request, "lease_duration") or _LEASE_DURATION,
        deadline=moment_in(request, "deadline"),
        traceparent=call.traceparent,
    )


def _decode_state_filter(request: task_service_pb2.ListTasksRequest) -> TaskState | None:
    try:
        return decode_state(request.state)
    except ValueError:
        text = "no task is in this state yet"
        raise InvalidArgument(f"state: {text}", (("state", text),)) from None
