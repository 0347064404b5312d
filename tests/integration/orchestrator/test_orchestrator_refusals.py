from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from harness.nats_server import RestartableNats
from harness.orchestrator_service import Orchestrator, WorkClient, worker_agent
from harness.refusal import read_refusal, refusal
from harness.registry_service import Registry
from rookery.orchestrator.v1 import payload_pb2, task_pb2, task_service_pb2

Code = grpc.StatusCode


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"capability": ""}, "capability"),
        ({"capability": "No Such Form"}, "capability"),
        ({"request_id": "7"}, "request_id"),
        ({"title": "x" * 501}, "title"),
        ({"priority": 101}, "priority"),
        ({"max_attempts": -1}, "max_attempts"),
        ({"lease_duration": Duration(nanos=1)}, "lease_duration"),
        ({"input": payload_pb2.Payload(data=b"x" * (1024 * 1024 + 1))}, "input.data"),
        ({"labels": {"Bad Key": "x"}}, "labels['Bad Key']"),
    ],
)
async def test_a_broken_field_of_a_task_is_named(orchestrator: Orchestrator, fields: dict[str, Any], path: str) -> None:
    refused = await refusal(orchestrator.create(**({"capability": "work"} | fields)))
    assert (refused.code, refused.reason, refused.fields) == (Code.INVALID_ARGUMENT, "INVALID_FIELD", (path,))


@pytest.mark.capability("A6")
async def test_a_task_that_is_unknown_or_of_another_tenant_is_not_found(orchestrator: Orchestrator) -> None:
    task = await orchestrator.create()
    foreign = orchestrator.admin("other")
    stubs = orchestrator.tasks
    for task_id, metadata in ((str(uuid4()), orchestrator.admin()), (task.id, foreign)):
        calls: list[Any] = [
            stubs.GetTask(task_service_pb2.GetTaskRequest(task_id=task_id), metadata=metadata),
            stubs.CancelTask(task_service_pb2.CancelTaskRequest(task_id=task_id), metadata=metadata),
            anext(aiter(stubs.WatchTask(task_service_pb2.WatchTaskRequest(task_id=task_id), metadata=metadata))),
        ]
        for call in calls:
            refused = await refusal(call)
            assert (refused.code, refused.reason) == (Code.NOT_FOUND, "TASK_NOT_FOUND")
    listed = await stubs.ListTasks(task_service_pb2.ListTasksRequest(), metadata=foreign)
    assert list(listed.tasks) == []


async def test_a_task_that_has_ended_cannot_be_cancelled(orchestrator: Orchestrator) -> None:
    task = await orchestrator.create()
    await orchestrator.cancel(task.id)
    refused = await refusal(orchestrator.cancel(task.id))
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "TASK_ENDED")


@pytest.mark.capability("O1")
async def test_a_request_id_answers_its_task_and_refuses_another_body(orchestrator: Orchestrator) -> None:
    request_id = str(uuid4())
    task = await orchestrator.create(request_id=request_id, title="one")
    assert (await orchestrator.create(request_id=request_id, title="one")).id == task.id
    refused = await refusal(orchestrator.create(request_id=request_id, title="another"))
    assert (refused.code, refused.reason, refused.fields) == (
        Code.INVALID_ARGUMENT,
        "REQUEST_ID_REUSED",
        ("request_id",),
    )


async def test_a_cancellation_repeated_under_its_request_id_answers_the_same(orchestrator: Orchestrator) -> None:
    task = await orchestrator.create()
    request = task_service_pb2.CancelTaskRequest(task_id=task.id, request_id=str(uuid4()))
    first = await orchestrator.tasks.CancelTask(request, metadata=orchestrator.admin())
    assert await orchestrator.tasks.CancelTask(request, metadata=orchestrator.admin()) == first


async def test_pages_go_on_where_they_ended_and_a_foreign_token_is_refused(orchestrator: Orchestrator) -> None:
    created = [(await orchestrator.create(capability=capability)).id for capability in ("a", "b", "a", "b", "a")]

    async def page(**fields: Any) -> task_service_pb2.ListTasksResponse:
        request = task_service_pb2.ListTasksRequest(**fields)
        return await orchestrator.tasks.ListTasks(request, metadata=orchestrator.admin())

    first = await page(page_size=2, capability="a")
    rest = await page(page_size=2, capability="a", page_token=first.next_page_token)
    assert {task.id for task in (*first.tasks, *rest.tasks)} == {created[0], created[2], created[4]}
    assert rest.next_page_token == ""
    for wrong in ({"page_token": "nonsense"}, {"page_token": first.next_page_token, "capability": "b"}):
        refused = await refusal(page(**wrong))
        assert (refused.code, refused.reason, refused.fields) == (
            Code.INVALID_ARGUMENT,
            "INVALID_PAGE_TOKEN",
            ("page_token",),
        )
    waiting = await refusal(page(state=task_pb2.TASK_STATE_INPUT_REQUIRED))
    assert (waiting.code, waiting.fields) == (Code.INVALID_ARGUMENT, ("state",))


async def test_a_work_stream_is_for_agents_that_open_it_first(orchestrator: Orchestrator, registry: Registry) -> None:
    agent, epoch = await worker_agent(registry, "one")

    async def ends(stream: WorkClient) -> tuple[grpc.StatusCode, str]:
        refused = read_refusal(await stream.error())
        return refused.code, refused.reason

    person = WorkClient(orchestrator.tasks.Work(metadata=orchestrator.admin()))
    assert await ends(person) == (Code.FAILED_PRECONDITION, "NOT_AN_AGENT")
    hasty = orchestrator.work(agent)
    await hasty.grant(1)
    assert await ends(hasty) == (Code.FAILED_PRECONDITION, "STREAM_PROTOCOL")
    twice = orchestrator.work(agent)
    await twice.open(epoch)
    await twice.send(open=task_service_pb2.OpenWork(session_epoch=epoch))
    assert await ends(twice) == (Code.FAILED_PRECONDITION, "STREAM_PROTOCOL")
    invented = orchestrator.work(agent)
    await invented.send(open=task_service_pb2.OpenWork(session_epoch=epoch + 1000))
    assert await ends(invented) == (Code.FAILED_PRECONDITION, "STREAM_PROTOCOL")
    empty = orchestrator.work(agent)
    await empty.call.write(task_service_pb2.WorkRequest())
    assert await ends(empty) == (Code.INVALID_ARGUMENT, "INVALID_FIELD")


async def test_a_stranger_with_an_agents_token_finds_itself_unregistered(
    orchestrator: Orchestrator, registry: Registry
) -> None:
    stranger = registry.agent()
    stranger.metadata = registry.mint.bearer(subject=f"agent:{stranger.id}", permissions=("tasks:work", "agents:read"))
    stream = orchestrator.work(stranger)
    await stream.send(open=task_service_pb2.OpenWork(session_epoch=1))
    refused = read_refusal(await stream.error())
    assert (refused.code, refused.reason) == (Code.NOT_FOUND, "AGENT_NOT_FOUND")


async def test_a_later_session_ends_the_earlier_stream(orchestrator: Orchestrator, registry: Registry) -> None:
    agent, epoch = await worker_agent(registry, "one")
    earlier = orchestrator.work(agent)
    await earlier.open(epoch)
    again = await registry.register(agent, "one", capabilities=["work"])
    later = orchestrator.work(agent)
    await later.open(again.session_epoch)
    refused = read_refusal(await earlier.error())
    assert (refused.code, refused.reason) == (Code.ABORTED, "SESSION_SUPERSEDED")
    old = orchestrator.work(agent)
    await old.send(open=task_service_pb2.OpenWork(session_epoch=epoch))
    assert read_refusal(await old.error()).reason == "SESSION_SUPERSEDED"


async def test_tasks_are_accepted_and_done_while_the_bus_is_down(
    orchestrator: Orchestrator, registry: Registry, nats_server: RestartableNats
) -> None:
    agent, epoch = await worker_agent(registry, "one")
    worker = orchestrator.work(agent)
    await worker.open(epoch, credits=1)
    await nats_server.kill()
    task = await orchestrator.create()
    assigned = await worker.assignment()
    await worker.complete(assigned)
    await worker.next("accepted")
    await nats_server.restart()
    assert (await orchestrator.get(task.id)).state == task_pb2.TASK_STATE_COMPLETED
