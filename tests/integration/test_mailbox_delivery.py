from collections.abc import AsyncIterator
from functools import partial
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mailbox_service import HIGH, LOW, NORMAL, MailService, acked, nacked, running_mail_service, text, texts
from harness.nats_server import RestartableNats
from rookery.orchestrator.v1 import message_service_pb2, payload_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import mail_subject
from rookery_orchestrator.mailbox.ordering import AGEING


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


@pytest.mark.capability("M1")
async def test_a_message_to_an_agent_that_is_away_waits_for_it(mail: MailService) -> None:
    agent, answering = mail.agent(), mail.agent("clerk")
    message_id = str(uuid4())
    answer = await mail.send(
        agent,
        "what is the time?",
        message_id=message_id,
        type="question",
        correlation_id="question-1",
        reply_to_agent_id=answering.id,
    )
    assert not answer.duplicate
    assert (answer.message.id, answer.message.priority) == (message_id, NORMAL)
    assert answer.message.payload.data == b""
    async with mail.receiving(agent, grant=1) as receiver:
        delivery = await receiver.delivery()
        assert (delivery.delivery_id, delivery.attempt, text(delivery)) == (1, 1, "what is the time?")
        message = delivery.message
        assert (message.id, message.sender, message.recipient_agent_id) == (message_id, "user:admin", agent.id)
        assert (message.type, message.correlation_id) == ("question", "question-1")
        assert (message.reply_to_agent_id, message.payload.content_type) == (answering.id, "text/plain")
        assert message.create_time == answer.message.create_time
        await receiver.ack(delivery)


async def has_mail(bus: Bus, count: int) -> bool:
    """What is settled is removed a moment later."""
    info = await bus.jetstream.stream_info("MAIL", subjects_filter=mail_subject("*", "*", "*"))
    return sum((info.state.subjects or {}).values()) == count


@pytest.mark.capability("M1")
async def test_what_is_acknowledged_is_gone_and_what_is_not_is_kept(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    await mail.send(agent, "first")
    await mail.send(agent, "second")
    async with mail.receiving(agent, grant=2) as receiver:
        first, _second = await receiver.deliveries(2)
        await receiver.ack(first)
        await eventually(partial(has_mail, bus, 1))
    async with mail.receiving(agent, grant=2) as receiver:
        again = await receiver.delivery()
        assert (text(again), again.attempt) == ("second", 2)
        await receiver.ack(again)
    await eventually(partial(has_mail, bus, 0))


@pytest.mark.capability("M10")
async def test_a_delivery_carries_on_the_trace_of_the_call_that_sent_it(mail: MailService) -> None:
    agent, trace_id = mail.agent(), "4bf92f3577b34da6a3ce929d0e0e4736"
    traced = (*mail.mint.bearer(), ("traceparent", f"00-{trace_id}-00f067aa0ba902b7-01"))
    await mail.send(agent, metadata=traced)
    async with mail.receiving(agent, grant=1) as receiver:
        assert (await receiver.delivery()).message.traceparent.split("-")[1] == trace_id


async def test_a_message_arrives_while_the_agent_waits_for_it(mail: MailService) -> None:
    agent = mail.agent()
    async with mail.receiving(agent, grant=1) as receiver:
        for number in range(3):
            await mail.send(agent, str(number))
            delivery = await receiver.delivery()
            assert text(delivery) == str(number)
            await receiver.ack(delivery)
            await receiver.grant(1)


async def test_an_agent_is_addressed_by_name_within_its_tenant(mail: MailService) -> None:
    agent, namesake = mail.agent("scribe"), mail.agent("scribe", tenant="acme")
    request = message_service_pb2.SendMessageRequest(
        recipient_name="scribe", payload=payload_pb2.Payload(content_type="text/plain", data=b"to acme")
    )
    answer = await mail.messages.SendMessage(request, metadata=mail.mint.bearer(tenant="acme"))
    assert answer.message.recipient_agent_id == namesake.id
    await mail.send(agent, "to default")
    async with mail.receiving(namesake, grant=5) as receiver:
        assert text(await receiver.delivery()) == "to acme"
        await receiver.grant(1)


@pytest.mark.capability("M6")
async def test_the_same_id_from_the_same_sender_is_delivered_once(mail: MailService) -> None:
    agent, sender = mail.agent(), mail.agent("clerk")
    message_id = str(uuid4())
    assert not (await mail.send(agent, "once", message_id=message_id)).duplicate
    assert (await mail.send(agent, "once", message_id=message_id)).duplicate
    assert (await mail.send(agent, "once", message_id=message_id.upper())).duplicate
    assert not (await mail.send(agent, "another's", message_id=message_id, metadata=sender.metadata)).duplicate
    assert not (await mail.send(agent, "last")).duplicate
    async with mail.receiving(agent, grant=10) as receiver:
        assert texts(await receiver.deliveries(3)) == ["once", "another's", "last"]


async def test_a_message_without_an_id_gets_one(mail: MailService) -> None:
    agent = mail.agent()
    first, second = await mail.send(agent), await mail.send(agent)
    assert len({first.message.id, second.message.id}) == 2
    assert not second.duplicate


@pytest.mark.capability("M2")
async def test_urgent_messages_overtake_those_that_wait(mail: MailService) -> None:
    agent = mail.agent()
    for priority, name in ((LOW, "low"), (NORMAL, "normal"), (HIGH, "high")):
        for number in range(2):
            await mail.send(agent, f"{name}-{number}", priority=priority)
    async with mail.receiving(agent, grant=6) as receiver:
        expected = ["high-0", "high-1", "normal-0", "normal-1", "low-0", "low-1"]
        assert texts(await receiver.deliveries(6)) == expected


@pytest.mark.capability("M2")
async def test_an_urgent_message_overtakes_a_backlog_that_is_being_worked_off(mail: MailService) -> None:
    agent, backlog = mail.agent(), 50
    for number in range(backlog):
        await mail.send(agent, f"normal-{number}")
    async with mail.receiving(agent, grant=1) as receiver:
        assert text(await receiver.delivery()) == "normal-0"
        await mail.send(agent, "urgent", priority=HIGH)
        # The word that something urgent has come takes a moment.
        for _ in range(backlog // 2):
            await receiver.grant(1)
            if text(await receiver.delivery()) == "urgent":
                return
    raise AssertionError("the backlog came first")


@pytest.mark.capability("M2")
@pytest.mark.parametrize("step", [1, 64])
async def test_messages_that_are_not_urgent_arrive_however_many_urgent_ones_wait(mail: MailService, step: int) -> None:
    agent = mail.agent()
    for number in range(2):
        await mail.send(agent, f"low-{number}", priority=LOW)
    for number in range(3 * AGEING):
        await mail.send(agent, f"high-{number}", priority=HIGH)
    delivered: list[str] = []
    async with mail.receiving(agent) as receiver:
        while len(delivered) < 3 * AGEING + 2:
            await receiver.grant(step)
            deliveries = await receiver.deliveries(min(step, 3 * AGEING + 2))
            await receiver.ack(*deliveries)
            delivered += texts(deliveries)
    assert delivered.index("low-0") == AGEING
    assert delivered.index("low-1") == 2 * AGEING + 1


@pytest.mark.capability("M2")
async def test_the_order_of_a_sender_is_kept_within_a_priority(mail: MailService) -> None:
    agent = mail.agent()
    sent = [str(number) for number in range(150)]
    for data in sent:
        await mail.send(agent, data)
    async with mail.receiving(agent, grant=100) as receiver:
        delivered = texts(await receiver.deliveries(100))
        await receiver.grant(50)
        delivered += texts(await receiver.deliveries(50))
    assert delivered == sent


@pytest.mark.capability("M9")
async def test_no_more_is_delivered_than_there_are_credits(mail: MailService) -> None:
    agent = mail.agent()
    for priority in (HIGH, NORMAL, LOW) * 2:
        await mail.send(agent, priority=priority)
    async with mail.receiving(agent, grant=2) as receiver:
        deliveries = await receiver.deliveries(2)
        # Were anything else under way, it would come before the confirmation of what is settled now.
        await receiver.ack(*deliveries)
        assert receiver.undelivered == 0
        await receiver.grant(3)
        await receiver.ack(*await receiver.deliveries(3))
        assert receiver.undelivered == 0


async def test_mail_that_nobody_had_a_credit_for_counts_no_attempt(mail: MailService) -> None:
    agent = mail.agent()
    for priority in (HIGH, NORMAL, LOW):
        await mail.send(agent, priority=priority)
    for attempt in range(1, 4):
        async with mail.receiving(agent, grant=1) as receiver:
            delivery = await receiver.delivery()
            assert (delivery.message.priority, delivery.attempt) == (HIGH, attempt)
            await receiver.settle(nacked(delivery, delay=Duration()))
            await receiver.settled()
    async with mail.receiving(agent, grant=3) as receiver:
        # The third refusal of the first was one too many, and took it to the dead letters.
        deliveries = await receiver.deliveries(2)
        assert [(each.message.priority, each.attempt) for each in deliveries] == [(NORMAL, 1), (LOW, 1)]


async def test_large_messages_come_in_frames_that_a_client_can_take(mail: MailService) -> None:
    agent = mail.agent()
    large = "x" * 1024 * 1024
    for _ in range(6):
        await mail.send(agent, large)
    async with mail.receiving(agent, grant=6) as receiver:
        deliveries = await receiver.deliveries(6)
        assert all(text(delivery) == large for delivery in deliveries)
        await receiver.ack(*deliveries)


async def test_ending_the_stream_in_good_order_settles_what_was_sent_before(mail: MailService) -> None:
    agent = mail.agent()
    for data in ("first", "second"):
        await mail.send(agent, data)
    async with mail.receiving(agent, grant=2) as receiver:
        first, _second = await receiver.deliveries(2)
        await receiver.settle(acked(first))
        await receiver.call.done_writing()
        assert (await receiver.settled()).delivery_ids == [first.delivery_id]
        await receiver.ended()
    async with mail.receiving(agent, grant=2) as receiver:
        assert text(await receiver.delivery()) == "second"
