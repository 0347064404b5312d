"""Answers to requests in the audit trail."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from harness.databases import FreshDatabase
from harness.mailbox_service import MailAgent, MailService, running_mail_service
from harness.nats_server import RestartableNats
from harness.requests import answer, ask
from harness.tokens import Bearer
from harness.trail import listed, listing
from rookery.orchestrator.v1 import mailbox_pb2, message_pb2
from rookery_kit.bus import Bus
from rookery_kit.clock import new_id
from rookery_orchestrator.mailbox.model import Message, Priority
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.mailbox.replies import JetStreamReplies
from rookery_orchestrator.mailbox.requests import ReplyPlace
from rookery_orchestrator.model import Payload

pytestmark = [pytest.mark.capability("M5"), pytest.mark.capability("M7")]


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


async def asked(mail: MailService, expert: MailAgent, metadata: Bearer | None = None) -> message_pb2.Message:
    """A question in the mailbox of an agent, for which nobody waits any more."""
    asking = ask(mail, expert, "2+2?", metadata=metadata)
    async with mail.receiving(expert, grant=1) as receiver:
        delivery = await receiver.delivery()
        await receiver.ack(delivery)
    asking.cancel()
    return delivery.message


def reading(mail: MailService, agent: MailAgent) -> Bearer:
    return mail.mint.bearer(subject=f"agent:{agent.id}", permissions=("messages:read",))


@pytest.mark.parametrize("who", ["an agent", "a user"])
async def test_a_question_and_its_answer_are_listed_together_whoever_asked(mail: MailService, who: str) -> None:
    expert, asker = mail.agent("expert"), mail.agent("asker")
    asking = ask(mail, expert, "2+2?", metadata=asker.metadata if who == "an agent" else None)
    async with mail.receiving(expert, grant=1) as receiver:
        question = (await receiver.delivery()).message
        # An agent need not say which question it answers: its address tells.
        await answer(mail, expert, question, "4", correlation_id="", type="sum")
    reply = (await asking).reply
    given, put = await listed(mail, 2, correlation_id=question.id)
    assert (given.message.id, put.message.id) == (reply.id, question.id)
    assert (given.message.sender, given.message.type) == (f"agent:{expert.id}", "sum")
    assert given.message.recipient_agent_id == (asker.id if who == "an agent" else "")
    assert given.message.reply_address == put.message.reply_address
    assert given.message.payload.data == b"", "payloads are kept only where that is set"
    assert given.state == mailbox_pb2.MESSAGE_STATE_SENT
    assert len(await listing(mail, agent_id=expert.id)) == 2
    assert len(await listing(mail, reading(mail, expert))) == 2
    assert len(await listing(mail, reading(mail, asker))) == (2 if who == "an agent" else 0)


async def test_an_answer_that_is_given_again_is_listed_once(mail: MailService) -> None:
    expert = mail.agent("expert")
    question, first = await asked(mail, expert), str(uuid4())
    assert not (await answer(mail, expert, question, "one", first)).duplicate
    await listed(mail, 2, correlation_id=question.id)
    assert (await answer(mail, expert, question, "one", first)).duplicate
    assert (await answer(mail, expert, question, "two")).duplicate
    # What is taken down after those two is there, and so would they be.
    last = await asked(mail, expert)
    await answer(mail, expert, last, "the end")
    await listed(mail, 2, correlation_id=last.id)
    assert len(await listing(mail, correlation_id=question.id)) == 2
    assert first in {record.message.id for record in await listing(mail, correlation_id=question.id)}


async def test_an_answer_whose_giver_lost_the_orchestrator_is_in_the_trail_once_it_is_given_again(
    mail: MailService, bus: Bus
) -> None:
    expert = mail.agent("expert")
    question = await asked(mail, expert)
    kept = Message(
        id=new_id(),
        sender=f"agent:{expert.id}",
        recipient_agent_id="",
        priority=Priority.NORMAL,
        type="",
        payload=Payload("text/plain", b"one"),
        correlation_id=question.id,
        reply_to_agent_id="",
        create_time=datetime.now(UTC),
        traceparent="",
    )
    # So far came the replica that was killed.
    assert not await JetStreamReplies(bus).put(ReplyPlace("default", expert.id, question.reply_address), kept)
    assert (await answer(mail, expert, question, "two")).duplicate
    given, _ = await listed(mail, 2, correlation_id=question.id)
    assert given.message.id == kept.id


async def test_what_nobody_asked_for_is_in_the_trail_as_its_sender_has_it(mail: MailService) -> None:
    expert, intruder = mail.agent("expert"), mail.agent("intruder")
    question = await asked(mail, expert)
    lie = await answer(mail, intruder, question, "a lie", correlation_id="made up")
    (given,) = await listed(mail, 1, correlation_id="made up")
    assert (given.message.id, given.message.recipient_agent_id) == (lie.message.id, "")
    assert len(await listing(mail, correlation_id=question.id)) == 1


async def test_payloads_of_answers_are_kept_where_that_is_set(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    policy = DeliveryPolicy(trail_payloads=True)
    async with running_mail_service(fresh_database, nats_server, policy=policy) as mail:
        expert = mail.agent("expert")
        question = await asked(mail, expert)
        await answer(mail, expert, question, "4")
        found = await listed(mail, 2, correlation_id=question.id)
        assert [each.message.payload.data for each in found] == [b"4", b"2+2?"]
