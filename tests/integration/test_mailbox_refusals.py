from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mailbox_service import MailAgent, MailService, running_mail_service
from harness.nats_server import RestartableNats
from harness.refusal import Refusal, read_refusal, refusal
from rookery.orchestrator.v1 import message_service_pb2, payload_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.topology import Topology, ensure_topology


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


async def sending_refused(mail: MailService, fields: Mapping[str, object], tenant: str = "default") -> Refusal:
    request = message_service_pb2.SendMessageRequest(**fields)  # type: ignore[arg-type]
    return await refusal(mail.messages.SendMessage(request, metadata=mail.mint.bearer(tenant=tenant)))


@pytest.mark.capability("M1")
async def test_a_recipient_must_be_known_in_the_tenant_of_the_sender(mail: MailService, bus: Bus) -> None:
    agent = mail.agent("scribe")
    for tenant, recipient in (
        ("default", {"recipient_agent_id": str(uuid4())}),
        ("default", {"recipient_name": "nobody"}),
        ("acme", {"recipient_agent_id": agent.id}),
        ("acme", {"recipient_name": "scribe"}),
    ):
        refused = await sending_refused(mail, recipient, tenant)
        assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "RECIPIENT_NOT_FOUND")
    assert (await bus.jetstream.stream_info("MAIL")).state.messages == 0


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({}, "recipient"),
        ({"recipient_agent_id": "scribe"}, "recipient_agent_id"),
        ({"recipient_name": "x" * 64}, "recipient_name"),
        ({"recipient_name": "scribe", "message_id": "1"}, "message_id"),
        ({"recipient_name": "scribe", "priority": 7}, "priority"),
        ({"recipient_name": "scribe", "type": "x" * 121}, "type"),
        ({"recipient_name": "scribe", "correlation_id": "x" * 121}, "correlation_id"),
        ({"recipient_name": "scribe", "reply_to_agent_id": "clerk"}, "reply_to_agent_id"),
        (
            {"recipient_name": "scribe", "payload": payload_pb2.Payload(data=b"x" * (1024 * 1024 + 1))},
            "payload.data",
        ),
        ({"recipient_name": "scribe", "payload": payload_pb2.Payload(content_type="x" * 256)}, "payload.content_type"),
    ],
)
async def test_a_broken_field_is_named(mail: MailService, fields: dict[str, object], path: str) -> None:
    refused = await sending_refused(mail, fields)
    assert (refused.code, refused.reason, refused.fields) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELD",
        (path,),
    )


@pytest.mark.capability("M9")
async def test_a_message_that_is_far_too_large_is_refused_as_such(mail: MailService) -> None:
    agent = mail.agent()
    payload = payload_pb2.Payload(data=b"x" * 5 * 1024 * 1024)
    refused = await sending_refused(mail, {"recipient_agent_id": agent.id, "payload": payload})
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")


@pytest.mark.capability("M9")
async def test_a_full_mailbox_refuses_and_takes_mail_again_when_there_is_room(mail: MailService, bus: Bus) -> None:
    await ensure_topology(bus.jetstream, Topology(mailbox_messages=1))
    agent, other = mail.agent(), mail.agent("other")
    await mail.send(agent)
    refused = await refusal(mail.send(agent))
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MAILBOX_FULL")
    assert refused.retry_after
    await mail.send(other)
    async with mail.receiving(agent, grant=1) as receiver:
        await receiver.ack(await receiver.delivery())
    await eventually(lambda: mail.send(agent), retry=(grpc.aio.AioRpcError,))


async def test_permissions_are_asked_for(mail: MailService) -> None:
    agent = mail.agent()
    sender = mail.mint.bearer(permissions=("messages:receive",))
    refused = await refusal(mail.send(agent, metadata=sender))
    assert (refused.code, refused.metadata) == (grpc.StatusCode.PERMISSION_DENIED, {"permission": "messages:send"})
    receiver = mail.mint.bearer(subject=f"agent:{agent.id}", permissions=("messages:send",))
    refused = await opening_refused(mail, MailAgent(agent.id, agent.name, 1, receiver))
    assert (refused.code, refused.metadata) == (grpc.StatusCode.PERMISSION_DENIED, {"permission": "messages:receive"})


async def opening_refused(mail: MailService, agent: MailAgent) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async with mail.receiving(agent):
            pass
    return read_refusal(caught.value)


async def test_only_an_agent_has_a_mailbox(mail: MailService) -> None:
    refused = await opening_refused(mail, MailAgent("admin", "admin", 1, mail.mint.bearer()))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_AN_AGENT")


async def test_an_agent_that_is_not_registered_has_no_mailbox(mail: MailService) -> None:
    agent_id = str(uuid4())
    agent = MailAgent(agent_id, "stranger", 1, mail.mint.bearer(subject=f"agent:{agent_id}"))
    refused = await opening_refused(mail, agent)
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND")


async def test_an_agent_gets_the_mail_of_its_own_tenant(mail: MailService) -> None:
    agent = mail.agent()
    elsewhere = MailAgent(agent.id, agent.name, 1, mail.mint.bearer(tenant="acme", subject=f"agent:{agent.id}"))
    assert (await opening_refused(mail, elsewhere)).reason == "AGENT_NOT_FOUND"


async def test_the_first_frame_opens_the_mailbox(mail: MailService) -> None:
    client = mail.receiver(mail.agent())
    await client.grant(1)
    refused = read_refusal(await client.error())
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STREAM_PROTOCOL")


async def test_a_stream_without_any_frame_is_refused(mail: MailService) -> None:
    client = mail.receiver(mail.agent())
    await client.call.done_writing()
    assert read_refusal(await client.error()).reason == "STREAM_PROTOCOL"


async def test_only_the_first_frame_opens_the_mailbox(mail: MailService) -> None:
    agent = mail.agent()
    async with mail.receiving(agent) as receiver:
        await receiver.open(agent)
        refused = read_refusal(await receiver.error())
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STREAM_PROTOCOL")


@pytest.mark.parametrize(
    ("frame", "path"),
    [
        ({}, "frame"),
        ({"credits": {"count": 0}}, "credits.count"),
        ({"credits": {"count": 10_001}}, "credits.count"),
        ({"settle": {}}, "settle.settlements"),
        ({"settle": {"settlements": [{"delivery_id": 1}]}}, "settle.settlements[0].action"),
    ],
)
async def test_a_broken_frame_ends_the_stream_and_its_mail_comes_again(
    mail: MailService, frame: dict[str, object], path: str
) -> None:
    agent = mail.agent()
    await mail.send(agent)
    async with mail.receiving(agent, grant=1) as receiver:
        await receiver.delivery()
        await receiver.send(**frame)
        refused = read_refusal(await receiver.error())
        assert (refused.code, refused.fields) == (grpc.StatusCode.INVALID_ARGUMENT, (path,))
    async with mail.receiving(agent, grant=1) as receiver:
        assert (await receiver.delivery()).attempt == 2
