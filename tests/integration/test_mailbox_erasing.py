"""Where there are many consumers settled mail is erased by its place; nothing else changes for anybody."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mailbox_service import MailService, nacked, running_mail_service, text, texts
from harness.nats_server import RestartableNats
from harness.trail import listed
from nats.js.api import AckPolicy, ConsumerConfig
from rookery.orchestrator.v1 import mailbox_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import mail_subject
from rookery_orchestrator.mailbox import erasing
from rookery_orchestrator.mailbox.erasing import Eraser

ACKED = mailbox_pb2.MESSAGE_STATE_ACKED
STREAM = "MAIL"


@pytest.fixture
async def mail(
    fresh_database: FreshDatabase, nats_server: RestartableNats, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MailService]:
    """A service that takes a few consumers for many."""
    monkeypatch.setattr(erasing, "_MANY_CONSUMERS", 0)
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


async def stored(bus: Bus) -> int:
    return (await bus.jetstream.stream_info(STREAM)).state.messages


async def settle_all_of(bus: Bus, mail: MailService, count: int) -> None:
    """Has so many messages sent to an agent of their own, acknowledged, and the stream left empty."""
    agent = mail.agent(f"reader-{uuid4()}")
    for number in range(count):
        await mail.send(agent, str(number))
    async with mail.receiving(agent, grant=count) as receiver:
        await receiver.ack(*await receiver.deliveries(count))
        assert await eventually(lambda: is_empty(bus), within=20)


async def is_empty(bus: Bus) -> bool:
    return await stored(bus) == 0


@pytest.mark.capability("M1")
async def test_what_is_erased_is_taken_from_its_consumer_and_nothing_else_is(bus: Bus) -> None:
    subjects = [mail_subject("acme", name, "normal") for name in ("7", "8")]
    for subject in subjects:
        await bus.jetstream.add_consumer(
            STREAM,
            ConsumerConfig(durable_name=subject.split(".")[3], filter_subject=subject, ack_policy=AckPolicy.EXPLICIT),
        )
        for number in range(3):
            await bus.publish(subject, b"x", message_id=f"{subject}/{number}")
    own = await bus.jetstream.pull_subscribe_bind(stream=STREAM, durable="7")
    places = [message.metadata.sequence.stream for message in await own.fetch(3, timeout=5)]
    assert await Eraser(bus).erase([*places[:2], 4711]) == [True, True, True]
    assert await stored(bus) == 4

    async def one_is_pending() -> bool:
        own, other = [(await bus.jetstream.consumer_info(STREAM, name)).num_ack_pending for name in ("7", "8")]
        return (own, other) == (1, 0)

    assert await eventually(one_is_pending)


async def test_nothing_is_erased_while_the_bus_is_away(bus: Bus, nats_server: RestartableNats) -> None:
    eraser = Eraser(bus)
    await nats_server.kill()
    await eventually(lambda: not bus.client.is_connected)
    assert await eraser.erase([1, 2]) == [False, False]
    await nats_server.restart()


@pytest.mark.capability("M1")
async def test_what_was_handed_in_on_an_earlier_connection_is_not_erased(bus: Bus) -> None:
    eraser, subject = Eraser(bus), mail_subject("acme", "7", "normal")
    await bus.publish(subject, b"x", message_id="1")
    erasing = eraser.erase([1])
    bus.renewed()
    assert await erasing == [False]
    assert await stored(bus) == 1
    assert await eraser.erase([1]) == [True]
    assert await stored(bus) == 0


@pytest.mark.capability("M1")
@pytest.mark.capability("M7")
async def test_settled_mail_and_entries_of_the_trail_leave_the_stream(mail: MailService, bus: Bus) -> None:
    await settle_all_of(bus, mail, 12)
    await listed(mail, 12, state=ACKED)


@pytest.mark.capability("M3")
async def test_a_refused_message_comes_again_among_erased_ones(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    for name in ("a", "b", "c"):
        await mail.send(agent, name)
    async with mail.receiving(agent, grant=10) as receiver:
        first, second, third = await receiver.deliveries(3)
        await receiver.settle(nacked(second))
        await receiver.ack(first, third)
        again = await receiver.delivery()
        assert (text(again), again.attempt) == ("b", 2)
        await receiver.ack(again)
        assert await eventually(lambda: is_empty(bus), within=20)


@pytest.mark.capability("M1")
async def test_what_was_not_erased_before_a_restart_of_the_bus_is_not_delivered_again(
    mail: MailService, bus: Bus, nats_server: RestartableNats
) -> None:
    agent = mail.agent()
    async with mail.receiving(agent, grant=100) as receiver:
        for name in ("a", "b", "c"):
            await mail.send(agent, name)
        await receiver.ack(*await receiver.deliveries(3))
        await nats_server.kill()
        await nats_server.restart()
        await eventually(lambda: mail.send(agent, "last"), retry=(Exception,))
        last = await receiver.delivery()
        assert text(last) == "last"
        await receiver.ack(last)
        assert await eventually(lambda: is_empty(bus), within=30)
        assert receiver.undelivered == 0


@pytest.mark.capability("M5")
async def test_a_receiver_that_takes_over_gets_what_was_not_settled(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    for name in ("a", "b", "c"):
        await mail.send(agent, name)
    async with mail.receiving(agent, grant=3) as receiver:
        first, _, third = await receiver.deliveries(3)
        await receiver.ack(first, third)
    async with mail.receiving(agent, grant=3) as receiver:
        (left,) = await receiver.deliveries(1)
        assert texts([left]) == ["b"]
        await receiver.ack(left)
        assert await eventually(lambda: is_empty(bus), within=20)
        assert receiver.undelivered == 0
