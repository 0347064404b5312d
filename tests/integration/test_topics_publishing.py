"""What is published reaches every member once."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.mailbox_service import (
    KnownAgents,
    MailAgent,
    MailService,
    running_mail_service,
    text,
    texts,
)
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tokens import TokenMint
from rookery.orchestrator.v1 import message_service_pb2, payload_pb2, topic_service_pb2

pytestmark = pytest.mark.capability("M4")


@pytest.fixture
async def service(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as running:
        yield running


async def topic_with(service: MailService, *members: MailAgent, name: str = "news") -> str:
    await service.topics.CreateTopic(topic_service_pb2.CreateTopicRequest(topic=name), metadata=service.mint.bearer())
    for member in members:
        await service.topics.JoinTopic(topic_service_pb2.JoinTopicRequest(topic=name), metadata=member.metadata)
    return name


async def publish(
    service: MailService, topic: str, data: str, *, by: MailAgent | None = None, **fields: object
) -> topic_service_pb2.PublishResponse:
    request = topic_service_pb2.PublishRequest(
        topic=topic,
        payload=payload_pb2.Payload(content_type="text/plain", data=data.encode()),
        **fields,  # type: ignore[arg-type]
    )
    return await service.topics.Publish(request, metadata=by.metadata if by else service.mint.bearer())


async def test_every_member_gets_a_copy_also_who_is_away(service: MailService) -> None:
    present, away, stranger = service.agent("present"), service.agent("away"), service.agent("stranger")
    await topic_with(service, present, away)
    async with service.receiving(present, grant=5) as receiver:
        published = await publish(service, "news", "first", type="note", correlation_id="c-1")
        assert (published.recipient_count, published.pending_count, published.duplicate) == (2, 0, False)
        delivery = await receiver.delivery()
        assert text(delivery) == "first"
        assert delivery.message.topic == "news"
        assert delivery.message.publication_id == published.message_id
        assert delivery.message.recipient_agent_id == present.id
        assert (delivery.message.type, delivery.message.correlation_id) == ("note", "c-1")
    async with service.receiving(away, grant=5) as receiver:
        assert text(await receiver.delivery()) == "first"
    async with service.receiving(stranger, grant=5) as receiver:
        await service.send(stranger, "for you alone")
        assert text(await receiver.delivery()) == "for you alone"


async def test_a_publisher_gets_no_copy_of_its_own(service: MailService) -> None:
    one, other = service.agent("one"), service.agent("other")
    await topic_with(service, one, other)
    assert (await publish(service, "news", "hello", by=one)).recipient_count == 1
    async with service.receiving(other, grant=5) as receiver:
        assert (await receiver.delivery()).message.sender == f"agent:{one.id}"


async def test_the_same_publication_sent_again_reaches_nobody_twice(service: MailService) -> None:
    member, late = service.agent("member"), service.agent("late")
    await topic_with(service, member)
    message_id = str(uuid4())
    await publish(service, "news", "once", message_id=message_id)
    await service.topics.JoinTopic(topic_service_pb2.JoinTopicRequest(topic="news"), metadata=late.metadata)
    again = await publish(service, "news", "once", message_id=message_id.upper())
    assert (again.duplicate, again.recipient_count, again.message_id) == (True, 1, message_id)
    await publish(service, "news", "then")
    async with service.receiving(member, grant=5) as receiver:
        assert texts(await receiver.deliveries(2)) == ["once", "then"]
    async with service.receiving(late, grant=5) as receiver:
        assert text(await receiver.delivery()) == "then"


async def test_the_order_of_a_publisher_is_kept_for_every_member(service: MailService) -> None:
    members = [service.agent(f"m{number}") for number in range(3)]
    await topic_with(service, *members)
    for number in range(20):
        await publish(service, "news", str(number))
    for member in members:
        async with service.receiving(member, grant=50) as receiver:
            assert texts(await receiver.deliveries(20)) == [str(number) for number in range(20)]


async def test_who_has_left_gets_nothing_more(service: MailService) -> None:
    member = service.agent("member")
    await topic_with(service, member)
    await publish(service, "news", "before")
    await service.topics.LeaveTopic(topic_service_pb2.LeaveTopicRequest(topic="news"), metadata=member.metadata)
    assert (await publish(service, "news", "after")).recipient_count == 0
    await service.send(member, "direct")
    async with service.receiving(member, grant=5) as receiver:
        assert texts(await receiver.deliveries(2)) == ["before", "direct"]


async def test_a_publication_goes_to_a_thousand_members(service: MailService) -> None:
    members = [service.agent(f"m{number}") for number in range(1000)]
    await topic_with(service)
    administrator = service.mint.bearer()
    for start in range(0, 1000, 50):
        await asyncio.gather(
            *(
                service.topics.JoinTopic(
                    topic_service_pb2.JoinTopicRequest(topic="news", agent_id=member.id), metadata=administrator
                )
                for member in members[start : start + 50]
            )
        )
    published = await publish(service, "news", "to all")
    assert published.recipient_count == 1000
    for member in (members[0], members[499], members[999]):
        async with service.receiving(member, grant=1) as receiver:
            assert text(await receiver.delivery()) == "to all"


async def test_what_was_accepted_is_carried_to_the_end_by_another_replica(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    agents, mint = KnownAgents(), TokenMint()
    async with running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as service:
        members = [service.agent(f"m{number}") for number in range(5)]
        await topic_with(service, *members)
        await nats_server.kill()
        published = await publish(service, "news", "through an outage")
        assert published.pending_count == 5
    await nats_server.restart()
    async with running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as service:
        for member in members:
            async with service.receiving(member, grant=5) as receiver:
                assert text(await receiver.delivery()) == "through an outage"
                await service.send(member, "next")
                assert text(await receiver.delivery()) == "next"


async def test_two_replicas_publishing_at_once_give_each_member_each_message_once(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    agents, mint = KnownAgents(), TokenMint()
    async with (
        running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as one,
        running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as other,
    ):
        member = one.agent("member")
        await topic_with(one, member)
        ids = [str(uuid4()) for _ in range(10)]
        await asyncio.gather(
            *(publish(replica, "news", each, message_id=each) for each in ids for replica in (one, other))
        )
        async with one.receiving(member, grant=50) as receiver:
            assert sorted(texts(await receiver.deliveries(10))) == sorted(ids)
            await one.send(member, "last")
            assert text(await receiver.delivery()) == "last"


async def test_a_broadcast_reaches_those_who_fit(service: MailService) -> None:
    reviewers = [service.agent(f"r{number}", "review") for number in range(2)]
    service.agent("writer", "write")
    message_id = str(uuid4())
    request = message_service_pb2.BroadcastRequest(
        message_id=message_id,
        selector=message_service_pb2.AgentSelector(capability="review"),
        payload=payload_pb2.Payload(content_type="text/plain", data=b"please"),
    )
    answer = await service.messages.Broadcast(request, metadata=service.mint.bearer())
    assert (answer.recipient_count, answer.pending_count) == (2, 0)
    later = service.agent("r3", "review")
    again = await service.messages.Broadcast(request, metadata=service.mint.bearer())
    assert (again.duplicate, again.recipient_count) == (True, 2)
    for reviewer in reviewers:
        async with service.receiving(reviewer, grant=5) as receiver:
            delivery = await receiver.delivery()
            assert (text(delivery), delivery.message.publication_id) == ("please", message_id)
    async with service.receiving(later, grant=5) as receiver:
        await service.send(later, "direct")
        assert text(await receiver.delivery()) == "direct"


@pytest.mark.parametrize("capability", ["Not OK", "*", " ", "Ü"])
async def test_a_broadcast_to_what_is_no_capability_is_refused(service: MailService, capability: str) -> None:
    selector = message_service_pb2.AgentSelector(capability=capability)
    request = message_service_pb2.BroadcastRequest(selector=selector)
    refused = await refusal(service.messages.Broadcast(request, metadata=service.mint.bearer()))
    assert (refused.code, refused.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ("selector.capability",))


async def test_a_broadcast_to_everybody_is_refused(service: MailService) -> None:
    request = message_service_pb2.BroadcastRequest(selector=message_service_pb2.AgentSelector(online_only=True))
    refused = await refusal(service.messages.Broadcast(request, metadata=service.mint.bearer()))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
