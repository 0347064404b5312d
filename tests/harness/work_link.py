"""Both ends of the link of an agent that takes tasks, without a stream in between."""

import asyncio

from google.protobuf import duration_pb2
from google.rpc import status_pb2
from rookery.orchestrator.v1 import task_pb2, task_service_pb2
from rookery_sdk import reports
from rookery_sdk.frames import Outbound
from rookery_sdk.work import Lease, Work

from harness.eventually import eventually


class Sent(Outbound[task_service_pb2.WorkRequest]):
    """Keeps what is sent instead of writing it."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[task_service_pb2.WorkRequest] = []

    def send(self, frame: task_service_pb2.WorkRequest) -> None:
        self.frames.append(frame)

    def kinds(self) -> list[str | None]:
        return [frame.WhichOneof("frame") for frame in self.frames]

    def credits(self) -> int:
        return sum(frame.credits.count for frame in self.frames)


class Handlers:
    """Handlers that end when they are told to."""

    def __init__(self) -> None:
        self.running: dict[str, asyncio.Future[object]] = {}
        self.cancelled: list[str] = []

    async def execute(self, assignment: task_service_pb2.TaskAssignment, lease: Lease) -> task_service_pb2.WorkRequest:
        task_id = assignment.task.id
        self.running[task_id] = asyncio.get_running_loop().create_future()
        try:
            return reports.completed(lease.key, await self.running[task_id])
        except asyncio.CancelledError:
            self.cancelled.append(task_id)
            raise

    async def end(self, task_id: str, output: object = None) -> None:
        await eventually(lambda: task_id in self.running)
        self.running[task_id].set_result(output)


def opened(*kept: tuple[str, int]) -> task_service_pb2.WorkResponse:
    keys = [task_service_pb2.LeaseKey(task_id=task_id, lease_epoch=epoch) for task_id, epoch in kept]
    return task_service_pb2.WorkResponse(opened=task_service_pb2.WorkOpened(kept_leases=keys))


def assignment(task_id: str, epoch: int = 1, lease: float = 10.0) -> task_service_pb2.WorkResponse:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(int(lease * 1e9))
    task = task_pb2.Task(id=task_id, lease_epoch=epoch, lease_duration=duration)
    return task_service_pb2.WorkResponse(assignment=task_service_pb2.TaskAssignment(task=task))


def accepted(task_id: str, epoch: int = 1) -> task_service_pb2.WorkResponse:
    key = task_service_pb2.LeaseKey(task_id=task_id, lease_epoch=epoch)
    return task_service_pb2.WorkResponse(accepted=task_service_pb2.ReportAccepted(lease=key))


def refused(task_id: str, epoch: int = 1) -> task_service_pb2.WorkResponse:
    key = task_service_pb2.LeaseKey(task_id=task_id, lease_epoch=epoch)
    status = status_pb2.Status(code=10, message="the lease is lost")
    return task_service_pb2.WorkResponse(refused=task_service_pb2.ReportRefused(lease=key, status=status))


def stop(task_id: str, epoch: int = 1) -> task_service_pb2.WorkResponse:
    key = task_service_pb2.LeaseKey(task_id=task_id, lease_epoch=epoch)
    return task_service_pb2.WorkResponse(stop=task_service_pb2.StopTask(lease=key, reason="CANCELED"))


def attached(work: Work, *kept: tuple[str, int]) -> Sent:
    sent = Sent()
    work.attach(sent, opened(*kept))
    return sent


def held_leases(work: Work) -> list[tuple[str, int]]:
    return [(key.task_id, key.lease_epoch) for key in work.opening(1).open.held_leases]
