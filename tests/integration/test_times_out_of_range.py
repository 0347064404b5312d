"""Times that the wire can hold and nobody counts are refused by the name of their field."""

from collections.abc import AsyncIterator, Awaitable

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from harness.databases import FreshDatabase
from harness.mailbox_service import MailService, running_mail_service
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from rookery.orchestrator.v1 import message_service_pb2, topic_service_pb2
from rookery_kit.errors import InvalidArgument
from rookery_kit.rpc.times import length_in, moment_in

BEYOND = [Timestamp(seconds=2**63 - 1), Timestamp(seconds=-(2**63)), Timestamp(nanos=2**31 - 1)]


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


async def refused_for(call: Awaitable[object]) -> tuple[str, list[str]]:
    """The reason of a refusal and the fields it names."""
    told = await refusal(call)
    return told.reason, list(told.fields)


@pytest.mark.parametrize("beyond", BEYOND, ids=["late", "early", "nanos"])
async def test_a_moment_beyond_the_calendar_is_refused_wherever_it_is_given(
    mail: MailService, beyond: Timestamp
) -> None:
    agent, admin = mail.agent(), mail.mint.bearer()
    send = message_service_pb2.SendMessageRequest(recipient_agent_id=agent.id, deliver_time=beyond)
    wrong = ("INVALID_FIELD", ["deliver_time"])
    assert await refused_for(mail.messages.SendMessage(send, metadata=admin)) == wrong
    batches = mail.messages.SendMessages(
        iter([message_service_pb2.SendMessagesRequest(messages=[send])]), metadata=admin
    )
    assert await refused_for(batches.read()) == ("INVALID_FIELD", ["messages[0].deliver_time"])
    for name in ("since", "until"):
        listing = message_service_pb2.ListMessagesRequest(**{name: beyond})  # type: ignore[arg-type]
        assert await refused_for(mail.messages.ListMessages(listing, metadata=admin)) == ("INVALID_FIELD", [name])
    purge = message_service_pb2.PurgeMailboxRequest(agent_id=agent.id, before=beyond)
    assert await refused_for(mail.messages.PurgeMailbox(purge, metadata=admin)) == ("INVALID_FIELD", ["before"])


async def test_a_subscription_from_beyond_every_place_is_refused(mail: MailService) -> None:
    admin = mail.mint.bearer()
    await mail.topics.CreateTopic(topic_service_pb2.CreateTopicRequest(topic="news"), metadata=admin)
    beyond = topic_service_pb2.SubscribeRequest(topic="news", after_sequence=2**64 - 1)
    reason, fields = await refused_for(mail.topics.Subscribe(beyond, metadata=admin).read())
    assert (reason, fields) == ("INVALID_FIELD", ["after_sequence"])
    early = topic_service_pb2.SubscribeRequest(topic="news", since=BEYOND[1])
    assert await refused_for(mail.topics.Subscribe(early, metadata=admin).read()) == ("INVALID_FIELD", ["since"])


def test_what_is_not_set_is_none_and_what_is_not_possible_is_named() -> None:
    request = message_service_pb2.SendMessageRequest()
    assert (moment_in(request, "deliver_time"), length_in(request, "time_to_live")) == (None, None)
    request.time_to_live.CopyFrom(Duration(seconds=2**62))
    with pytest.raises(InvalidArgument, match="time_to_live must be a length of time"):
        length_in(request, "time_to_live")
