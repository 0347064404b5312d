"""Topics, and who has joined them."""

from collections.abc import AsyncIterator
from uuid import uuid4

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.mailbox_service import MailAgent, MailService, running_mail_service
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tokens import Bearer
from rookery.orchestrator.v1 import topic_pb2, topic_service_pb2

pytestmark = pytest.mark.capability("M4")


@pytest.fixture
async def service(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as running:
        yield running


async def create(service: MailService, name: str, metadata: Bearer | None = None) -> topic_pb2.Topic:
    request = topic_service_pb2.CreateTopicRequest(topic=name, description=f"about {name}")
    return (await service.topics.CreateTopic(request, metadata=metadata or service.mint.bearer())).topic


async def join(service: MailService, name: str, agent: MailAgent, metadata: Bearer | None = None) -> None:
    request = topic_service_pb2.JoinTopicRequest(topic=name, agent_id=agent.id if metadata else "")
    await service.topics.JoinTopic(request, metadata=metadata or agent.metadata)


async def get(service: MailService, name: str, metadata: Bearer | None = None) -> topic_pb2.Topic:
    request = topic_service_pb2.GetTopicRequest(topic=name)
    return (await service.topics.GetTopic(request, metadata=metadata or service.mint.bearer())).topic


async def test_a_topic_is_created_read_and_removed(service: MailService) -> None:
    created = await create(service, "news")
    assert (created.name, created.description, created.creator) == ("news", "about news", "user:admin")
    assert await get(service, "news") == created
    refused = await refusal(create(service, "news"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "TOPIC_EXISTS")
    administrator = service.mint.bearer()
    await service.topics.DeleteTopic(topic_service_pb2.DeleteTopicRequest(topic="news"), metadata=administrator)
    for call in (
        get(service, "news"),
        service.topics.DeleteTopic(topic_service_pb2.DeleteTopicRequest(topic="news"), metadata=administrator),
        service.topics.Publish(topic_service_pb2.PublishRequest(topic="news"), metadata=administrator),
    ):
        refused = await refusal(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "TOPIC_NOT_FOUND")


async def test_a_creation_repeated_under_its_request_id_answers_the_same(service: MailService) -> None:
    request = topic_service_pb2.CreateTopicRequest(request_id=str(uuid4()), topic="news")
    first = await service.topics.CreateTopic(request, metadata=service.mint.bearer())
    assert await service.topics.CreateTopic(request, metadata=service.mint.bearer()) == first


async def test_members_join_and_leave_as_often_as_they_like(service: MailService) -> None:
    member = service.agent("member")
    await create(service, "news")
    for _ in range(2):
        await join(service, "news", member)
        assert (await get(service, "news")).member_count == 1
    for _ in range(2):
        leaving = topic_service_pb2.LeaveTopicRequest(topic="news")
        await service.topics.LeaveTopic(leaving, metadata=member.metadata)
        assert (await get(service, "news")).member_count == 0


async def test_topics_and_members_are_listed_in_pages(service: MailService) -> None:
    members = [service.agent(f"m{number}") for number in range(5)]
    administrator = service.mint.bearer()
    for name in ("bees", "ants", "cats"):
        await create(service, name)
    for member in members:
        await join(service, "bees", member)
    names, token = [], ""
    while True:
        page = await service.topics.ListTopics(
            topic_service_pb2.ListTopicsRequest(page_size=2, page_token=token), metadata=administrator
        )
        names += [topic.name for topic in page.topics]
        token = page.next_page_token
        if not token:
            break
    assert names == ["ants", "bees", "cats"]
    joined = await service.topics.ListTopics(
        topic_service_pb2.ListTopicsRequest(member_agent_id=members[0].id), metadata=administrator
    )
    assert [(topic.name, topic.member_count) for topic in joined.topics] == [("bees", 5)]
    found: list[str] = []
    while True:
        listed = await service.topics.ListTopicMembers(
            topic_service_pb2.ListTopicMembersRequest(topic="bees", page_size=2, page_token=token),
            metadata=administrator,
        )
        found += [member.agent_id for member in listed.members]
        token = listed.next_page_token
        if not token:
            break
    assert found == sorted(member.id for member in members)


async def test_only_who_manages_topics_lets_others_join(service: MailService) -> None:
    one, other = service.agent("one"), service.agent("other")
    await create(service, "news")
    refused = await refusal(join(service, "news", other, one.metadata))
    assert (refused.reason, refused.metadata) == ("PERMISSION_MISSING", {"permission": "topics:manage"})
    await join(service, "news", other, service.mint.bearer())
    assert (await get(service, "news")).member_count == 1


async def test_only_agents_join(service: MailService) -> None:
    await create(service, "news")
    request = topic_service_pb2.JoinTopicRequest(topic="news")
    refused = await refusal(service.topics.JoinTopic(request, metadata=service.mint.bearer()))
    assert refused.reason == "NOT_AN_AGENT"
    request.agent_id = str(uuid4())
    refused = await refusal(service.topics.JoinTopic(request, metadata=service.mint.bearer()))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND")


async def test_a_topic_of_another_tenant_is_not_found(service: MailService) -> None:
    await create(service, "news")
    stranger = service.mint.bearer(tenant="acme")
    assert (await refusal(get(service, "news", stranger))).reason == "TOPIC_NOT_FOUND"
    listed = await service.topics.ListTopics(topic_service_pb2.ListTopicsRequest(), metadata=stranger)
    assert not listed.topics
    assert (await create(service, "news", stranger)).member_count == 0


@pytest.mark.parametrize("name", ["", "News", "a.b", "a*", ">", "9lives", "x" * 64])
async def test_a_name_that_the_bus_could_misread_is_refused(service: MailService, name: str) -> None:
    assert (await refusal(create(service, name))).fields == ("topic",)
