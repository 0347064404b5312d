"""The Work stream: frames in, frames out."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from rookery.orchestrator.v1 import task_service_pb2
from rookery_kit.errors import RookeryError
from rookery_kit.rpc import Call
from rookery_kit.rpc.status import status_of

from rookery_orchestrator.directory import AgentDirectory
from rookery_orchestrator.dispatch.frames import Accepted, Assigned, Frame, Opened, Refused, Stopped
from rookery_orchestrator.dispatch.reporting import retry_delay
from rookery_orchestrator.dispatch.sessions import WorkSessions
from rookery_orchestrator.dispatch.worker import Worker
from rookery_orchestrator.model import TaskError
from rookery_orchestrator.reports import Failure, FailureKind, Progress, Release, Report, Result
from rookery_orchestrator.rpc.encoding import decode_lease, decode_payload, encode_lease, encode_task
from rookery_orchestrator.session_errors import NotAnAgent, StreamProtocol

_CLOSE_SECONDS = 5.0

Requests = AsyncIterator[task_service_pb2.WorkRequest]


class WorkStream:
    """Serves one stream after the other."""

    def __init__(self, sessions: WorkSessions, directory: AgentDirectory) -> None:
        self._sessions = sessions
        self._directory = directory

    async def serve(self, requests: Requests, call: Call) -> AsyncIterator[task_service_pb2.WorkResponse]:
        """Answers the frames of an agent until either side ends. Raises what ends the stream."""
        worker = await self._open(requests, call)
        reading = asyncio.create_task(self._read(worker, requests))
        try:
            async for frame in worker.frames():
                yield encode_frame(frame)
            await reading
        finally:
            reading.cancel()
            await asyncio.shield(asyncio.wait_for(self._sessions.close(worker), _CLOSE_SECONDS))

    async def _open(self, requests: Requests, call: Call) -> Worker:
        principal = call.principal
        if principal.kind != "agent":
            raise NotAnAgent(principal.subject)
        first = await anext(requests, None)
        if first is None or first.WhichOneof("frame") != "open":
            raise StreamProtocol("the first frame must open the stream")
        opening = first.open
        agent = await self._directory.session(
            principal.tenant, principal.identifier, opening.session_epoch, call.forward
        )
        claimed = [decode_lease(lease) for lease in opening.held_leases]
        return await self._sessions.open(agent, opening.capabilities, claimed)

    async def _read(self, worker: Worker, requests: Requests) -> None:
        """Takes frames until the agent ends its side; then waits for the answers that are still due."""
        try:
            async with asyncio.TaskGroup() as settling:
                async for request in requests:
                    await self._take(worker, request, settling)
        except* RookeryError as errors:
            worker.end(next(_leaves(errors)))
        else:
            worker.end()

    async def _take(self, worker: Worker, request: task_service_pb2.WorkRequest, settling: asyncio.TaskGroup) -> None:
        match request.WhichOneof("frame"):
            case "credits":
                self._sessions.grant(worker, request.credits.count)
            case "heartbeat":
                worker.hear()
            case "progress":
                await self._sessions.note(worker, _decode_progress(worker, request.progress))
            case "open":
                raise StreamProtocol("the stream is open already")
            case _:
                # Not awaited here: reports that follow each other closely share a commit.
                settling.create_task(self._sessions.settle(worker, _decode_report(worker, request)))


def _leaves(group: BaseExceptionGroup[RookeryError]) -> Iterator[RookeryError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _decode_progress(worker: Worker, progress: task_service_pb2.TaskProgress) -> Progress:
    return Progress(decode_lease(progress.lease), worker.agent.id, progress.progress, progress.message)


def _decode_report(worker: Worker, request: task_service_pb2.WorkRequest) -> Report:
    agent_id = worker.agent.id
    match request.WhichOneof("frame"):
        case "result":
            result = request.result
            output = decode_payload(result.output) if result.HasField("output") else None
            return Result(decode_lease(result.lease), agent_id, output)
        case "failure":
            failure = request.failure
            lease = decode_lease(failure.lease)
            kind = FailureKind.RETRYABLE if failure.retryable else FailureKind.FINAL
            if failure.rejected:
                kind = FailureKind.REJECTED
            error = TaskError(failure.error.reason or "HANDLER_ERROR", failure.error.message)
            return Failure(lease, agent_id, error, kind, retry_delay(lease.lease_epoch))
        case _:
            return Release(decode_lease(request.release.lease), agent_id)


def encode_frame(frame: Frame) -> task_service_pb2.WorkResponse:
    """A frame on the wire."""
    response = task_service_pb2.WorkResponse()
    match frame:
        case Opened(kept):
            response.opened.SetInParent()
            response.opened.kept_leases.extend(map(encode_lease, kept))
        case Assigned(task):
            response.assignment.task.CopyFrom(encode_task(task))
            response.assignment.traceparent = task.traceparent
        case Accepted(lease):
            response.accepted.lease.CopyFrom(encode_lease(lease))
        case Refused(lease, error):
            response.refused.lease.CopyFrom(encode_lease(lease))
            response.refused.status.CopyFrom(status_of(error))
        case Stopped(lease, reason):
            response.stop.lease.CopyFrom(encode_lease(lease))
            response.stop.reason = reason
    return response
