import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from harness.eventually import eventually
from harness.kit_server import KitServer, serving
from harness.refusal import read_refusal
from rookery.orchestrator.v1 import (
    message_service_pb2,
    message_service_pb2_grpc,
    task_service_pb2,
    task_service_pb2_grpc,
)
from rookery_kit.rpc import Call, Registration

Code = grpc.StatusCode
Frame = message_service_pb2.ReceiveRequest
RECEIVE = "rookery.orchestrator.v1.MessageService/Receive"
OPENING = Frame(open=message_service_pb2.OpenMailbox(session_epoch=1))
BROKEN = Frame(open=message_service_pb2.OpenMailbox(session_epoch=0))


class Mailboxes(message_service_pb2_grpc.MessageServiceServicer):
    """Settles by the number of each frame, and tells when it has cleaned up."""

    def __init__(self) -> None:
        self.cleaned = asyncio.Event()
        self.frames = 0

    async def Receive(  # noqa: N802 -- named by the contract
        self, request_iterator: Any, context: Any
    ) -> AsyncIterator[message_service_pb2.ReceiveResponse]:
        assert Call.of(context).principal.kind == "agent"
        try:
            async for _ in request_iterator:
                self.frames += 1
                yield message_service_pb2.ReceiveResponse(
                    settled=message_service_pb2.Settled(delivery_ids=[self.frames])
                )
        finally:
            self.cleaned.set()


class Tasks(task_service_pb2_grpc.TaskServiceServicer):
    """Answers two changes of a task, then waits."""

    async def WatchTask(  # noqa: N802 -- named by the contract
        self, request: Any, context: Any
    ) -> AsyncIterator[task_service_pb2.WatchTaskResponse]:
        for _ in range(2):
            yield task_service_pb2.WatchTaskResponse()
        await asyncio.Event().wait()


@pytest.fixture
def mailboxes() -> Mailboxes:
    return Mailboxes()  # type: ignore[abstract] # the other method is not called


@pytest.fixture
async def kit(mailboxes: Mailboxes) -> AsyncIterator[KitServer]:
    registrations = (
        Registration(message_service_pb2_grpc.add_MessageServiceServicer_to_server, mailboxes),
        Registration(
            task_service_pb2_grpc.add_TaskServiceServicer_to_server,
            Tasks(),  # type: ignore[abstract] # as above
        ),
    )
    async with serving(*registrations) as server:
        yield server


def receive(kit: KitServer, **token: Any) -> Any:
    bearer = kit.mint.bearer(**{"subject": "agent:7", **token})
    return message_service_pb2_grpc.MessageServiceStub(kit.channel).Receive(metadata=bearer)


async def read_all(call: Any) -> None:
    while await asyncio.wait_for(call.read(), 5) is not grpc.aio.EOF:
        continue


async def ended(call: Any) -> grpc.aio.AioRpcError:
    """The error that ends a stream of which everything else was read."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await read_all(call)
    return caught.value


async def test_frames_go_both_ways_in_order(kit: KitServer, mailboxes: Mailboxes) -> None:
    call = receive(kit)
    for number in (1, 2, 3):
        await call.write(OPENING)
        assert list((await call.read()).settled.delivery_ids) == [number]
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is Code.OK
    assert mailboxes.cleaned.is_set()
    await eventually(lambda: kit.count(RECEIVE, Code.OK) == 1)


async def test_a_stream_needs_a_token_and_a_permission(kit: KitServer, mailboxes: Mailboxes) -> None:
    refused = read_refusal(await ended(receive(kit, permissions=("messages:send",))))
    assert (refused.code, refused.reason) == (Code.PERMISSION_DENIED, "PERMISSION_MISSING")
    unnamed = message_service_pb2_grpc.MessageServiceStub(kit.channel).Receive()
    assert read_refusal(await ended(unnamed)).reason == "TOKEN_MISSING"
    assert not mailboxes.cleaned.is_set()


async def test_every_frame_is_validated_and_a_broken_one_ends_the_stream(kit: KitServer, mailboxes: Mailboxes) -> None:
    call = receive(kit)
    await call.write(OPENING)
    await call.read()
    await call.write(BROKEN)
    refused = read_refusal(await ended(call))
    assert (refused.code, refused.fields) == (Code.INVALID_ARGUMENT, ("open.session_epoch",))
    assert mailboxes.frames == 1
    await asyncio.wait_for(mailboxes.cleaned.wait(), 5)


async def test_a_frame_that_is_no_message_ends_the_stream(kit: KitServer) -> None:
    raw: Any = kit.channel.stream_stream(f"/{RECEIVE}")
    call = raw(metadata=kit.mint.bearer(subject="agent:7"))
    await call.write(b"\xff\xff")
    assert read_refusal(await ended(call)).code is Code.INVALID_ARGUMENT


async def test_the_request_of_a_watch_is_validated(kit: KitServer) -> None:
    stub = task_service_pb2_grpc.TaskServiceStub(kit.channel)
    call = stub.WatchTask(task_service_pb2.WatchTaskRequest(task_id="seven"), metadata=kit.mint.bearer())
    assert read_refusal(await ended(call)).fields == ("task_id",)


async def test_a_handler_cleans_up_when_its_caller_goes(kit: KitServer, mailboxes: Mailboxes) -> None:
    call = receive(kit)
    await call.write(OPENING)
    await call.read()
    call.cancel()
    await asyncio.wait_for(mailboxes.cleaned.wait(), 5)


@pytest.mark.capability("A3")
async def test_an_open_stream_ends_when_the_key_of_its_token_is_withdrawn(kit: KitServer, mailboxes: Mailboxes) -> None:
    call = receive(kit)
    await call.write(OPENING)
    await call.read()
    await kit.verifier.keep_keys(["another"])
    refused = read_refusal(await ended(call))
    assert (refused.code, refused.reason) == (Code.UNAUTHENTICATED, "TOKEN_INVALID")
    await asyncio.wait_for(mailboxes.cleaned.wait(), 5)


async def test_a_stop_ends_open_streams_and_tells_them_to_connect_again(kit: KitServer, mailboxes: Mailboxes) -> None:
    mailbox = receive(kit)
    await mailbox.write(OPENING)
    await mailbox.read()
    task_id = "01900000-0000-7000-8000-000000000000"
    watch = task_service_pb2_grpc.TaskServiceStub(kit.channel).WatchTask(
        task_service_pb2.WatchTaskRequest(task_id=task_id), metadata=kit.mint.bearer()
    )
    await watch.read()
    stopping = asyncio.create_task(kit.server.stop(grace=5))
    for call in (mailbox, watch):
        refused = read_refusal(await ended(call))
        assert (refused.code, refused.reason) == (Code.UNAVAILABLE, "SHUTTING_DOWN")
        assert refused.retry_after is not None
    assert mailboxes.cleaned.is_set()
    await asyncio.wait_for(stopping, 5)
