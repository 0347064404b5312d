"""A message that one sends for another names both: who it is from, and who acted."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from harness.databases import FreshDatabase
from harness.dead_letters import DeadLetterDesk, kill_letters
from harness.mailbox_service import MailAgent, MailService, running_mail_service
from harness.nats_server import RestartableNats
from harness.requests import answer, ask
from harness.tokens import Bearer
from harness.trail import listed
from rookery.orchestrator.v1 import message_pb2, message_service_pb2, payload_pb2, topic_service_pb2

pytestmark = pytest.mark.capability("A11")

SENDER = "agent:sender"
# Who acts now, and for whom that one acts.
ACTORS = ("agent:nearest", "user:farther")
CONTENT = payload_pb2.Payload(content_type="text/plain", data=b"hello")


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


def acting(mail: MailService, subject: str = SENDER) -> Bearer:
    return mail.mint.bearer(subject=subject, actors=ACTORS)


def origin(message: message_pb2.Message) -> tuple[str, Sequence[str]]:
    return message.sender, tuple(message.delegates)


async def received(mail: MailService, agent: MailAgent) -> message_pb2.Message:
    async with mail.receiving(agent, grant=1) as receiver:
        delivery = await receiver.delivery()
        await receiver.ack(delivery)
    return delivery.message


async def test_the_receiver_and_the_trail_see_the_sender_and_who_acted_for_it(mail: MailService) -> None:
    agent = mail.agent()
    sent = await mail.send(agent, metadata=acting(mail))
    assert origin(sent.message) == (SENDER, ACTORS)
    assert origin(await received(mail, agent)) == (SENDER, ACTORS)
    (record,) = await listed(mail, 1, agent_id=agent.id)
    assert origin(record.message) == (SENDER, ACTORS)


async def test_what_a_sender_sends_itself_names_nobody_else(mail: MailService) -> None:
    agent, sender = mail.agent(), mail.agent("sender")
    await mail.send(agent, metadata=sender.metadata)
    assert origin(await received(mail, agent)) == (f"agent:{sender.id}", ())
    (record,) = await listed(mail, 1, agent_id=agent.id)
    assert origin(record.message) == (f"agent:{sender.id}", ())


def test_no_request_can_say_who_acted() -> None:
    requests = (
        message_service_pb2.SendMessageRequest,
        message_service_pb2.SendMessagesRequest,
        message_service_pb2.RequestRequest,
        message_service_pb2.BroadcastRequest,
        topic_service_pb2.PublishRequest,
    )
    assert [each.DESCRIPTOR.name for each in requests if "delegates" in each.DESCRIPTOR.fields_by_name] == []
    assert [each.DESCRIPTOR.name for each in requests if "sender" in each.DESCRIPTOR.fields_by_name] == []


async def test_a_field_that_a_caller_makes_up_changes_nothing(mail: MailService) -> None:
    agent = mail.agent()
    request = message_service_pb2.SendMessageRequest(recipient_agent_id=agent.id, payload=CONTENT)
    request.MergeFromString(message_pb2.Message(delegates=["user:innocent"]).SerializeToString())
    assert b"user:innocent" in request.SerializeToString()
    await mail.messages.SendMessage(request, metadata=acting(mail))
    assert origin(await received(mail, agent)) == (SENDER, ACTORS)


async def test_messages_sent_in_bulk_name_who_acted(mail: MailService) -> None:
    agent = mail.agent()
    one = message_service_pb2.SendMessageRequest(recipient_agent_id=agent.id, payload=CONTENT)
    batch = message_service_pb2.SendMessagesRequest(messages=[one])
    call = mail.messages.SendMessages(iter([batch]), metadata=acting(mail))
    assert [len(answer.results) async for answer in call] == [1]
    assert origin(await received(mail, agent)) == (SENDER, ACTORS)


async def test_a_message_for_later_names_who_acted(mail: MailService) -> None:
    agent = mail.agent()
    soon = Timestamp()
    soon.FromDatetime(datetime.now(UTC) + timedelta(seconds=1))
    sent = await mail.send(agent, metadata=acting(mail), deliver_time=soon)
    assert sent.message.deliver_time == soon
    assert origin(await received(mail, agent)) == (SENDER, ACTORS)


async def test_a_dead_letter_keeps_who_acted_and_so_does_its_way_back(mail: MailService) -> None:
    agent, desk = mail.agent(), DeadLetterDesk(mail)
    await kill_letters(mail, agent, "poison", metadata=acting(mail))
    (dead,) = await desk.listed(1)
    assert origin((await desk.get(dead.id)).message) == (SENDER, ACTORS)
    assert await desk.requeue(dead_letter_id=dead.id) == 1
    assert origin(await received(mail, agent)) == (SENDER, ACTORS)


async def test_a_question_and_its_answer_each_name_who_acted(mail: MailService) -> None:
    expert = mail.agent("expert")
    asking = ask(mail, expert, "2+2?", metadata=acting(mail))
    question = await received(mail, expert)
    assert origin(question) == (SENDER, ACTORS)
    expert_by_another = mail.mint.bearer(subject=f"agent:{expert.id}", actors=["agent:clerk"])
    replier = MailAgent(expert.id, expert.name, expert.session_epoch, expert_by_another)
    given = await answer(mail, replier, question, "4")
    reply = (await asking).reply
    assert origin(reply) == origin(given.message) == (f"agent:{expert.id}", ("agent:clerk",))
    recorded = [origin(record.message) for record in await listed(mail, 2, correlation_id=question.id)]
    assert recorded == [origin(reply), origin(question)]


async def test_what_is_published_or_broadcast_names_who_acted_in_every_copy_and_in_the_topic(
    mail: MailService,
) -> None:
    member = mail.agent("member", "review")
    administrator = mail.mint.bearer()
    await mail.topics.CreateTopic(topic_service_pb2.CreateTopicRequest(topic="news"), metadata=administrator)
    await mail.topics.JoinTopic(topic_service_pb2.JoinTopicRequest(topic="news"), metadata=member.metadata)
    publication = topic_service_pb2.PublishRequest(topic="news", payload=CONTENT)
    await mail.topics.Publish(publication, metadata=acting(mail))
    assert origin(await received(mail, member)) == (SENDER, ACTORS)
    subscription = topic_service_pb2.SubscribeRequest(topic="news", after_sequence=0)
    watch: Any = mail.topics.Subscribe(subscription, metadata=administrator, timeout=10)
    assert (await watch.read()).HasField("opened")
    assert origin((await watch.read()).publication.message) == (SENDER, ACTORS)
    watch.cancel()
    selector = message_service_pb2.AgentSelector(capability="review")
    broadcast = message_service_pb2.BroadcastRequest(selector=selector, payload=CONTENT)
    await mail.messages.Broadcast(broadcast, metadata=acting(mail))
    assert origin(await received(mail, member)) == (SENDER, ACTORS)
