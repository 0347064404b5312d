"""An agent that names on a stream what another tenant has is told what it is told of things that exist nowhere."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf import descriptor_pool
from google.rpc import error_details_pb2
from harness.orchestrator_service import WorkClient
from harness.suite import Suite
from harness.tenant_reads import fields_of_text, fill
from harness.tenant_work import SETTINGS, hire, work
from harness.tenants import Bearer, Tenants, token_for
from rookery.orchestrator.v1 import (
    message_service_pb2,
    message_service_pb2_grpc,
    task_pb2,
    task_service_pb2,
    task_service_pb2_grpc,
)
from rookery_kit.contract import declared_methods

IN_MESSAGES = ("message_id", "recipient_agent_id", "recipient_name", "reply_to_agent_id")
IN_WORK = ("open.held_leases.task_id", *(f"{report}.lease.task_id" for report in ("progress", "result", "failure")))
TRIED = {
    "SendMessages": {f"messages.{path}" for path in IN_MESSAGES},
    "Work": {*IN_WORK, "release.lease.task_id", "open.capabilities"},
}
NAMES_NOTHING = {
    "messages.reply_address": "is refused on this stream whatever it says",
    "messages.correlation_id": "the sender's own word",
    "messages.type": "the sender's own word",
    "messages.payload.content_type": "content",
    "messages.payload.data": "content",
    "open.agent_version": "the agent's word about itself",
    "settle.settlements.nack.reason": "the agent's word; deliveries are numbers that count within a stream",
    "settle.settlements.nack.handler": "the agent's word",
    "settle.settlements.terminate.reason": "the agent's word",
    "settle.settlements.terminate.handler": "the agent's word",
    "progress.message": "the agent's word",
    "result.output.content_type": "content",
    "result.output.data": "content",
    "failure.error.reason": "the agent's word",
    "failure.error.message": "the agent's word",
}


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return SETTINGS


async def tenant(suite: Suite, name: str) -> Bearer:
    """The administrator of a new tenant."""
    created = await Tenants(suite.channel("auth"), await suite.administrator()).create(name)
    return await token_for(suite.channel("auth"), created.administrator_secret)


def test_every_field_of_an_agents_stream_is_tried_on_another_tenant_or_names_nothing() -> None:
    present: set[tuple[str, str]] = set()
    for method in declared_methods():
        descriptor = descriptor_pool.Default().FindServiceByName(method.service).FindMethodByName(method.name)
        if descriptor.client_streaming:
            present |= {(method.name, path) for path in fields_of_text(descriptor.input_type)}
    tried = {(name, path) for name, paths in TRIED.items() for path in paths}
    assert tried <= present
    assert {path for _, path in present - tried} == set(NAMES_NOTHING)


def words_of(status: Any) -> str:
    """All that an error within a frame tells."""
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        detail.Unpack(info)
    return f"{status.code} {status.message} {info.reason} {sorted(info.metadata.items())}"


class Spy:
    """An agent of one tenant that says what it should not know."""

    def __init__(self, suite: Suite, session_epoch: int, agent_id: str, own: Bearer) -> None:
        self._tasks: Any = task_service_pb2_grpc.TaskServiceStub(suite.channel("orchestrator"))
        self._messages: Any = message_service_pb2_grpc.MessageServiceStub(suite.channel("orchestrator"))
        self._session_epoch = session_epoch
        self._agent_id = agent_id
        self._own = own

    async def report(self, lease: task_service_pb2.LeaseKey) -> list[str]:
        """What it is told when it claims a lease and reports about its task, without the task's id."""
        stream = WorkClient(self._tasks.Work(metadata=self._own))
        opening = task_service_pb2.OpenWork(
            session_epoch=self._session_epoch, held_leases=[lease], capabilities=["double", "triple"]
        )
        await stream.send(open=opening)
        await stream.grant(5)
        await stream.send(progress=task_service_pb2.TaskProgress(lease=lease, progress=0.5))
        await stream.send(result=task_service_pb2.TaskResult(lease=lease))
        error = task_pb2.TaskError(reason="NO", message="no")
        await stream.send(failure=task_service_pb2.TaskFailure(lease=lease, error=error))
        await stream.send(release={"lease": lease})
        told: list[str] = []
        refused = 0
        while refused < 3:
            frame: Any = await asyncio.wait_for(stream.call.read(), 10)
            kind = frame.WhichOneof("frame")
            refused += kind == "refused"
            words = words_of(frame.refused.status) if kind == "refused" else str(frame)
            told.append(f"{kind}: {words}".replace(lease.task_id, ""))
        stream.call.cancel()
        return sorted(told)

    async def send(self, path: str, value: str) -> tuple[bool, str]:
        """What it is told when it names something in a message: whether that is a repetition, and the error."""
        message = message_service_pb2.SendMessageRequest(message_id=str(uuid4()), recipient_agent_id=self._agent_id)
        if path.startswith("recipient_"):
            message.ClearField("recipient_agent_id")
        fill(message, path, value)
        call = self._messages.SendMessages(metadata=self._own, timeout=20)
        await call.write(message_service_pb2.SendMessagesRequest(messages=[message]))
        await call.done_writing()
        (result,) = (await call.read()).results
        return result.duplicate, words_of(result.error).replace(value, "")


@pytest.mark.capability("A6")
async def test_an_agent_that_names_what_another_tenant_has_is_told_what_it_is_told_of_what_exists_nowhere(
    suite: Suite,
) -> None:
    red, blue = await tenant(suite, "red"), await tenant(suite, "blue")
    await work(suite, red)
    toiler, toilers = await hire(suite, red, "toiler")
    tasks: Any = task_service_pb2_grpc.TaskServiceStub(suite.channel("orchestrator"))
    messages: Any = message_service_pb2_grpc.MessageServiceStub(suite.channel("orchestrator"))
    trail = message_service_pb2.ListMessagesRequest()
    known = {entry.message.id for entry in (await messages.ListMessages(trail, metadata=red)).messages}
    toil = WorkClient(tasks.Work(metadata=toilers))
    await toil.open(toiler.session_epoch, credits=1)
    task = await toil.assignment()

    agent, own = await hire(suite, blue, "spy")
    spy = Spy(suite, agent.session_epoch, agent.id, own)
    lease = task_service_pb2.LeaseKey(task_id=task.id, lease_epoch=task.lease_epoch)
    told = await spy.report(lease)
    assert told == await spy.report(task_service_pb2.LeaseKey(task_id=str(uuid4()), lease_epoch=task.lease_epoch))
    assert not any("kept_leases" in frame or "assignment" in frame or "accepted" in frame for frame in told)
    values = {"recipient_name": ["clerk", "toiler"], "message_id": sorted(known)}
    for path in IN_MESSAGES:
        for value in values.get(path, [toiler.id]):
            nowhere = "nowhere" if path == "recipient_name" else str(uuid4())
            assert await spy.send(path, value) == await spy.send(path, nowhere), path

    await toil.complete(task)
    await toil.next("accepted")
    found = await tasks.GetTask(task_service_pb2.GetTaskRequest(task_id=task.id), metadata=red)
    assert found.task.state == task_pb2.TASK_STATE_COMPLETED
    assert {entry.message.id for entry in (await messages.ListMessages(trail, metadata=red)).messages} == known
    toil.call.cancel()
