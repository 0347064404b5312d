"""An orchestrator beside a registry inside the test, and agents that work by hand."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from pydantic import SecretStr
from rookery.orchestrator.v1 import credits_pb2, payload_pb2, task_pb2, task_service_pb2, task_service_pb2_grpc
from rookery_orchestrator.__main__ import compose
from rookery_orchestrator.settings import OrchestratorSettings

from harness.databases import FreshDatabase
from harness.in_process import running
from harness.nats_server import Reachable
from harness.registry_service import Caller, Registry
from harness.tokens import Bearer, TokenMint

WORKER_PERMISSIONS = ("agents:register", "agents:read", "tasks:work", "messages:send", "messages:receive")
_FRAME_SECONDS = 10.0


@dataclass
class Orchestrator:
    """The stub of a running orchestrator."""

    mint: TokenMint
    channel: grpc.aio.Channel
    tasks: "task_service_pb2_grpc.TaskServiceAsyncStub"

    def admin(self, tenant: str = "default") -> Bearer:
        """One who may do everything in a tenant."""
        return self.mint.bearer(tenant=tenant)

    async def create(self, capability: str = "work", data: bytes = b"", **fields: Any) -> task_pb2.Task:
        """Creates a task."""
        if data:
            fields["input"] = payload_pb2.Payload(content_type="text/plain", data=data)
        request = task_service_pb2.CreateTaskRequest(capability=capability, **fields)
        return (await self.tasks.CreateTask(request, metadata=self.admin())).task

    async def get(self, task_id: str) -> task_pb2.Task:
        """Reads a task with its attempts."""
        request = task_service_pb2.GetTaskRequest(task_id=task_id)
        return (await self.tasks.GetTask(request, metadata=self.admin())).task

    async def cancel(self, task_id: str) -> task_pb2.Task:
        """Cancels a task."""
        request = task_service_pb2.CancelTaskRequest(task_id=task_id)
        return (await self.tasks.CancelTask(request, metadata=self.admin())).task

    def work(self, caller: Caller) -> "WorkClient":
        """A Work stream of an agent."""
        return WorkClient(self.tasks.Work(metadata=caller.metadata))


class WorkClient:
    """An agent at the wire: sends frames, waits for frames."""

    def __init__(self, call: "grpc.aio.StreamStreamCall[Any, Any]") -> None:
        self.call = call

    async def send(self, **frame: Any) -> None:
        """Sends one frame."""
        await self.call.write(task_service_pb2.WorkRequest(**frame))

    async def open(
        self,
        session_epoch: int,
        *,
        credits: int = 0,  # noqa: A002 -- the field's term
        held: Sequence[task_service_pb2.LeaseKey] = (),
        **fields: Any,
    ) -> Sequence[task_service_pb2.LeaseKey]:
        """Opens the stream, grants credits, and answers the leases kept."""
        opening = task_service_pb2.OpenWork(session_epoch=session_epoch, held_leases=held, **fields)
        await self.send(open=opening)
        opened = await self.next("opened")
        if credits:
            await self.grant(credits)
        return tuple(opened.kept_leases)

    async def grant(self, count: int) -> None:
        """Grants credits."""
        await self.send(credits=credits_pb2.GrantCredits(count=count))

    async def next(self, kind: str) -> Any:
        """The next frame, which must be of a kind. Raises the error of the stream, or TimeoutError."""
        frame: Any = await asyncio.wait_for(self.call.read(), _FRAME_SECONDS)
        if frame is grpc.aio.EOF:
            status = await self.call.code()
            raise AssertionError(f"the stream has ended: {status} {await self.call.details()}")
        assert frame.WhichOneof("frame") == kind, frame
        return getattr(frame, kind)

    async def assignment(self) -> task_pb2.Task:
        """The task of the next frame, which must assign one."""
        task: task_pb2.Task = (await self.next("assignment")).task
        return task

    async def complete(self, task: task_pb2.Task, data: bytes = b"done") -> None:
        """Reports a result."""
        output = payload_pb2.Payload(content_type="text/plain", data=data)
        await self.send(result=task_service_pb2.TaskResult(lease=lease_of(task), output=output))

    async def fail(self, task: task_pb2.Task, **fields: Any) -> None:
        """Reports a failure."""
        error = task_pb2.TaskError(reason="HANDLER_ERROR", message="it broke")
        await self.send(failure=task_service_pb2.TaskFailure(lease=lease_of(task), error=error, **fields))

    async def error(self) -> grpc.aio.AioRpcError:
        """The error with which the stream ends; frames before it are passed over."""
        try:
            while await asyncio.wait_for(self.call.read(), _FRAME_SECONDS) is not grpc.aio.EOF:
                pass
        except grpc.aio.AioRpcError as error:
            return error
        raise AssertionError(f"the stream ended in good order: {await self.call.code()}")


def lease_of(task: task_pb2.Task) -> task_service_pb2.LeaseKey:
    """The lease under which a task was assigned."""
    return task_service_pb2.LeaseKey(task_id=task.id, lease_epoch=task.lease_epoch)


def seconds(value: float) -> Duration:
    """A duration on the wire."""
    return Duration(nanos=int(value % 1 * 1e9), seconds=int(value))


async def worker_agent(
    registry: Registry, name: str, *capabilities: str, tenant: str = "default"
) -> tuple[Caller, int]:
    """A registered agent that may work, and its session_epoch."""
    caller = registry.agent(tenant)
    caller.metadata = registry.mint.bearer(tenant=tenant, subject=f"agent:{caller.id}", permissions=WORKER_PERMISSIONS)
    agent = await registry.register(caller, name, capabilities=capabilities or ("work",), lease_duration=seconds(600))
    return caller, agent.session_epoch


def orchestrator_settings(
    database: FreshDatabase, nats: Reachable, registry_address: str, **fields: Any
) -> OrchestratorSettings:
    """Settings for an orchestrator on the test's database and bus."""
    chosen: dict[str, Any] = {
        "listen": "127.0.0.1:0",
        "metrics_listen": "127.0.0.1:0",
        "database_url": SecretStr(database.url("orchestrator")),
        "nats_url": SecretStr(nats.url("orchestrator")),
        "auth_address": "127.0.0.1:0",
        "registry_address": registry_address,
        "lease_grace_seconds": 1.0,
        "dispatch_poll_seconds": 0.2,
        "reap_seconds": 0.05,
        "drain_seconds": 1.0,
    }
    return OrchestratorSettings(**(chosen | fields))


@asynccontextmanager
async def running_orchestrator(settings: OrchestratorSettings, mint: TokenMint) -> AsyncIterator[Orchestrator]:
    """Serves until the block ends."""
    async with running(settings, mint.trusted_by(compose)) as channel:
        yield Orchestrator(mint, channel, task_service_pb2_grpc.TaskServiceStub(channel))
