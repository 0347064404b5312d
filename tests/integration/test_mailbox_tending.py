"""Mailboxes are looked at and purged, by those who may."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from harness.databases import FreshDatabase
from harness.dead_letters import DeadLetterDesk, kill_letters
from harness.eventually import eventually
from harness.mailbox_service import (
    HIGH,
    LOW,
    NORMAL,
    KnownAgents,
    MailAgent,
    MailService,
    nacked,
    running_mail_service,
    text,
    texts,
)
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tokens import Bearer, TokenMint
from rookery.orchestrator.v1 import mailbox_pb2, message_service_pb2

PURGED = mailbox_pb2.MESSAGE_STATE_PURGED


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


async def mailbox_of(mail: MailService, agent_id: str, metadata: Bearer | None = None) -> mailbox_pb2.Mailbox:
    request = message_service_pb2.GetMailboxRequest(agent_id=agent_id)
    return (await mail.messages.GetMailbox(request, metadata=metadata or mail.mint.bearer())).mailbox


async def purge(
    mail: MailService, agent_id: str, metadata: Bearer | None = None, **fields: object
) -> message_service_pb2.PurgeMailboxResponse:
    request = message_service_pb2.PurgeMailboxRequest(agent_id=agent_id, **fields)  # type: ignore[arg-type]
    return await mail.messages.PurgeMailbox(request, metadata=metadata or mail.mint.bearer())


def depths(mailbox: mailbox_pb2.Mailbox) -> dict[int, int]:
    return {depth.priority: depth.messages for depth in mailbox.depths}


@pytest.mark.capability("M1")
async def test_a_mailbox_tells_what_it_holds_and_what_is_in_flight(mail: MailService) -> None:
    agent = mail.agent()
    begun = datetime.now(UTC)
    await kill_letters(mail, agent, "poison")
    await DeadLetterDesk(mail).listed(1)
    empty = await mailbox_of(mail, agent.id)
    assert depths(empty) == {HIGH: 0, NORMAL: 0, LOW: 0}
    assert not empty.HasField("oldest_message_time")
    assert empty.dead_letters == 1
    for priority, count in ((HIGH, 1), (NORMAL, 2), (LOW, 3)):
        for _ in range(count):
            await mail.send(agent, priority=priority)
    async with mail.receiving(agent, grant=2) as receiver:
        first, _ = await receiver.deliveries(2)
        await receiver.settle(nacked(first, delay=Duration()))
        await receiver.settled()
        await receiver.grant(1)
        assert (await receiver.delivery()).attempt == 2
        full = await mailbox_of(mail, agent.id)
        assert depths(full) == {HIGH: 1, NORMAL: 2, LOW: 3}
        assert full.in_flight == 2
        assert full.redelivered == 1
        assert begun < full.oldest_message_time.ToDatetime(tzinfo=UTC) < datetime.now(UTC)


@pytest.mark.capability("M1")
async def test_a_mailbox_tells_from_any_replica_whether_somebody_receives(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    agents, mint = KnownAgents(), TokenMint()
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(running_mail_service(fresh_database, nats_server, agents=agents, mint=mint))
            for _ in range(2)
        ]
        agent = await first.begin_session(first.agent())
        assert not (await mailbox_of(second, agent.id)).receiving
        async with first.receiving(agent):
            for replica in (first, second):
                mailbox = await mailbox_of(replica, agent.id)
                assert (mailbox.receiving, mailbox.session_epoch) == (True, 2)
        await eventually(lambda: _nobody_receives(second, agent))


async def _nobody_receives(mail: MailService, agent: MailAgent) -> bool:
    return not (await mailbox_of(mail, agent.id)).receiving


@pytest.mark.capability("M9")
async def test_a_purge_removes_what_it_says_and_marks_it_in_the_trail(mail: MailService) -> None:
    agent, other = mail.agent(), mail.agent("other")
    for number in range(300):
        await mail.send(agent, str(number), priority=LOW)
    await mail.send(agent, "stays", priority=HIGH)
    await mail.send(other, "stays too", priority=LOW)
    request_id = str(uuid4())
    answers = [await purge(mail, agent.id, priority=LOW, request_id=request_id) for _ in range(2)]
    assert [(answer.purged, answer.agent_id) for answer in answers] == [(300, agent.id)] * 2
    assert depths(await mailbox_of(mail, agent.id)) == {HIGH: 1, NORMAL: 0, LOW: 0}
    assert depths(await mailbox_of(mail, other.id))[LOW] == 1

    async def marked() -> bool:
        request = message_service_pb2.ListMessagesRequest(page_size=1000, agent_id=agent.id, state=PURGED)
        return len((await mail.messages.ListMessages(request, metadata=mail.mint.bearer())).messages) == 300

    await eventually(marked)
    async with mail.receiving(agent, grant=10) as receiver:
        assert text(await receiver.delivery()) == "stays"
        await mail.send(agent, "next", priority=LOW)
        assert text(await receiver.delivery()) == "next"


@pytest.mark.capability("M9")
async def test_a_purge_by_time_spares_what_came_later(mail: MailService) -> None:
    agent = mail.agent()
    await mail.send(agent, "early")
    await mail.send(agent, "early", priority=HIGH)
    moment = Timestamp()
    moment.FromDatetime(datetime.now(UTC))
    await mail.send(agent, "late")
    assert (await purge(mail, agent.id, before=moment)).purged == 2
    async with mail.receiving(agent, grant=5) as receiver:
        assert text(await receiver.delivery()) == "late"


async def test_what_is_purged_in_flight_can_still_be_settled(mail: MailService) -> None:
    agent = mail.agent()
    await mail.send(agent, "1")
    async with mail.receiving(agent, grant=5) as receiver:
        delivery = await receiver.delivery()
        assert (await purge(mail, agent.id)).purged == 1
        await receiver.ack(delivery)
        await mail.send(agent, "2")
        assert texts([await receiver.delivery()]) == ["2"]


@pytest.mark.capability("A5")
async def test_an_agent_tends_its_own_mailbox_and_others_need_a_permission(mail: MailService) -> None:
    ann, bob = mail.agent("ann"), mail.agent("bob")
    held = ("messages:read", "messages:purge")
    as_ann = mail.mint.bearer(subject=f"agent:{ann.id}", permissions=held)
    assert (await mailbox_of(mail, "", as_ann)).agent_id == ann.id
    assert (await purge(mail, "", as_ann)).agent_id == ann.id
    for call in (mailbox_of(mail, bob.id, as_ann), purge(mail, bob.id, as_ann)):
        denied = await refusal(call)
        assert (denied.code, denied.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    as_user = mail.mint.bearer(subject="user:eve", permissions=held)
    assert (await refusal(mailbox_of(mail, bob.id, as_user))).reason == "PERMISSION_MISSING"
    as_lead = mail.mint.bearer(subject="user:lea", permissions=("messages:*",))
    assert (await mailbox_of(mail, bob.id, as_lead)).agent_id == bob.id
    assert (await refusal(mailbox_of(mail, "", as_lead))).reason == "NOT_AN_AGENT"
    assert (await refusal(mailbox_of(mail, str(uuid4())))).reason == "AGENT_NOT_FOUND"
    foreign = await refusal(mailbox_of(mail, bob.id, mail.mint.bearer(tenant="other")))
    assert foreign.reason == "AGENT_NOT_FOUND"
