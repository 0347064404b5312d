"""A message that is sent again is in the audit trail once, whatever became of who stored it first."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from harness.databases import FreshDatabase
from harness.mail_replicas import running_mail_replicas
from harness.mailbox_service import MailAgent, MailService, text
from harness.nats_server import RestartableNats
from harness.trail import listed, listing
from rookery.orchestrator.v1 import message_service_pb2, payload_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import mail_subject
from rookery_orchestrator.mailbox.model import Message, Priority
from rookery_orchestrator.mailbox.wire import seal
from rookery_orchestrator.model import Payload

SENDER = "user:admin"


@pytest.fixture
async def replicas(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[list[MailService]]:
    async with running_mail_replicas(fresh_database, nats_server) as several:
        yield several


async def store_without_entry(bus: Bus, agent: MailAgent, message_id: str) -> None:
    """What is in the stream when a replica was killed right after it had stored a message."""
    message = Message(
        id=message_id,
        sender=SENDER,
        recipient_agent_id=agent.id,
        priority=Priority.NORMAL,
        type="",
        payload=Payload("text/plain", b"stored"),
        correlation_id="",
        reply_to_agent_id="",
        create_time=datetime.now(UTC),
        traceparent="",
    )
    subject = mail_subject("default", agent.id, "normal")
    await bus.publish(subject, seal(message), message_id=f"default/{SENDER}/{message_id}")


@pytest.mark.capability("M7")
async def test_a_message_whose_storing_replica_was_lost_is_in_the_trail_once_it_is_sent_again(
    replicas: list[MailService], bus: Bus
) -> None:
    first, second = replicas
    agent, message_id = first.agent(), str(uuid4())
    await store_without_entry(bus, agent, message_id)
    assert (await first.send(agent, "stored", message_id=message_id)).duplicate
    await listed(first, 1)
    # The trail has it by now, whoever is told again.
    assert (await second.send(agent, "stored", message_id=message_id)).duplicate
    await second.send(agent, "another")
    assert message_id in {record.message.id for record in await listed(second, 2)}
    async with second.receiving(agent, grant=10) as receiver:
        assert [text(each) for each in await receiver.deliveries(2)] == ["stored", "another"]


@pytest.mark.capability("M7")
async def test_what_a_batch_repeats_is_in_the_trail_once(replicas: list[MailService], bus: Bus) -> None:
    mail = replicas[0]
    agent, ids = mail.agent(), [str(uuid4()) for _ in range(30)]
    for lost in (ids[3], ids[20]):
        await store_without_entry(bus, agent, lost)
    batch = message_service_pb2.SendMessagesRequest(
        messages=[
            message_service_pb2.SendMessageRequest(
                message_id=each, recipient_agent_id=agent.id, payload=payload_pb2.Payload(data=b"stored")
            )
            for each in ids
        ]
    )
    for replica, duplicates in zip(replicas, (2, 30), strict=True):
        call = replica.messages.SendMessages(iter([batch]), metadata=replica.mint.bearer())
        (answer,) = [each async for each in call]
        assert [result.message_id for result in answer.results] == ids
        assert sum(result.duplicate for result in answer.results) == duplicates
        found = await listed(mail, 30, page_size=100)
        assert {record.message.id for record in found} == set(ids)
    # Entries are taken down in their order: with this one all before it are.
    await mail.send(agent, "last", type="last")
    await listed(mail, 1, type="last")
    assert len(await listing(mail, page_size=100)) == 31
