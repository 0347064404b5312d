import time
from collections.abc import AsyncIterator

import pytest
from google.protobuf.duration_pb2 import Duration
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mailbox_service import (
    QUICK,
    MailAgent,
    MailService,
    acked,
    in_progress,
    nacked,
    running_mail_service,
    terminated,
    text,
)
from harness.nats_server import RestartableNats
from nats.js.errors import NotFoundError
from rookery.events.v1 import mail_pb2
from rookery.orchestrator.v1 import message_service_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import dead_letter_subject, mail_subject


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


async def dead_letter(bus: Bus, agent: MailAgent) -> mail_pb2.DeadLetter:
    """The newest dead letter of an agent, once there is one."""
    subject = dead_letter_subject("default", agent.id)

    async def newest() -> mail_pb2.DeadLetter:
        return mail_pb2.DeadLetter.FromString((await bus.jetstream.get_last_msg("DLQ", subject)).data or b"")

    return await eventually(newest, retry=(NotFoundError,))


async def all_mail_gone(bus: Bus) -> None:
    """What is settled is removed a moment later."""

    async def gone() -> bool:
        info = await bus.jetstream.stream_info("MAIL", subjects_filter=mail_subject("*", "*", "*"))
        return not info.state.subjects

    await eventually(gone)


@pytest.mark.capability("M3")
async def test_a_refused_message_comes_again_after_the_delay_that_was_asked_for(mail: MailService) -> None:
    agent = mail.agent()
    await mail.send(agent)
    async with mail.receiving(agent, grant=2) as receiver:
        first = await receiver.delivery()
        begun = time.monotonic()
        await receiver.settle(nacked(first, delay=Duration(nanos=700_000_000)))
        assert (await receiver.settled()).delivery_ids == [first.delivery_id]
        second = await receiver.delivery()
        assert time.monotonic() - begun >= 0.7
        assert (second.attempt, second.message, second.delivery_id) == (2, first.message, first.delivery_id + 1)
        await receiver.ack(second)


@pytest.mark.capability("M3")
async def test_without_a_delay_refusals_follow_the_backoff_schedule(mail: MailService) -> None:
    agent = mail.agent()
    await mail.send(agent)
    async with mail.receiving(agent, grant=3) as receiver:
        delivery = await receiver.delivery()
        for pause in QUICK.nack_backoff:
            begun = time.monotonic()
            await receiver.settle(nacked(delivery))
            delivery = await receiver.delivery()
            assert time.monotonic() - begun >= pause
        assert delivery.attempt == 3
        await receiver.ack(delivery)


@pytest.mark.capability("M3")
async def test_a_message_that_waits_for_its_next_attempt_blocks_nobody(mail: MailService) -> None:
    agent = mail.agent()
    await mail.send(agent, "not now")
    async with mail.receiving(agent, grant=2) as receiver:
        await receiver.settle(nacked(await receiver.delivery(), delay=Duration(seconds=3600)))
        await receiver.settled()
        await mail.send(agent, "meanwhile")
        await receiver.ack(await receiver.delivery())


@pytest.mark.capability("M3")
async def test_a_message_that_is_refused_every_time_ends_as_a_dead_letter(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    await mail.send(agent, "poison")
    await mail.send(agent, "good")
    async with mail.receiving(agent, grant=10) as receiver:
        poison, good = await receiver.deliveries(2)
        await receiver.ack(good)
        for attempt in range(1, QUICK.max_deliveries + 1):
            assert (text(poison), poison.attempt) == ("poison", attempt)
            await receiver.settle(nacked(poison, reason=f"failed {attempt}", delay=Duration()))
            assert (await receiver.settled()).delivery_ids == [poison.delivery_id]
            if attempt < QUICK.max_deliveries:
                poison = await receiver.delivery()
        letter = await dead_letter(bus, agent)
        assert (letter.reason, letter.detail, letter.attempts) == ("MAX_DELIVERIES", "failed 3", 3)
        assert letter.message == poison.message
        await all_mail_gone(bus)
        await mail.send(agent, "next")
        assert text(await receiver.delivery()) == "next"


@pytest.mark.capability("M3")
async def test_a_message_that_ends_every_stream_ends_as_a_dead_letter(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    await mail.send(agent, "poison")
    for attempt in range(1, QUICK.max_deliveries + 1):
        async with mail.receiving(agent, grant=1) as receiver:
            assert (await receiver.delivery()).attempt == attempt
    async with mail.receiving(agent, grant=1) as receiver:
        letter = await dead_letter(bus, agent)
        assert (letter.reason, letter.detail, letter.attempts) == ("MAX_DELIVERIES", "", QUICK.max_deliveries)
        await mail.send(agent, "next")
        assert text(await receiver.delivery()) == "next"


@pytest.mark.capability("M3")
async def test_a_message_that_is_given_up_is_a_dead_letter_at_once(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    await mail.send(agent, "nonsense")
    async with mail.receiving(agent, grant=2) as receiver:
        delivery = await receiver.delivery()
        await receiver.settle(terminated(delivery, "cannot be read"))
        assert (await receiver.settled()).delivery_ids == [delivery.delivery_id]
        # It was told only when the letter was stored.
        found = await bus.jetstream.get_last_msg("DLQ", dead_letter_subject("default", agent.id))
        letter = mail_pb2.DeadLetter.FromString(found.data or b"")
        assert (letter.reason, letter.detail, letter.attempts) == ("TERMINATED", "cannot be read", 1)
        assert letter.message == delivery.message
        await all_mail_gone(bus)


@pytest.mark.capability("M3")
async def test_a_delivery_is_not_repeated_while_its_stream_lives(mail: MailService) -> None:
    agent = mail.agent()
    await mail.send(agent, "slow work")
    async with mail.receiving(agent, grant=5) as receiver:
        slow = await receiver.delivery()
        begun = time.monotonic()
        while time.monotonic() - begun < 1.5 * QUICK.ack_wait:
            await mail.send(agent, "quick work")
            quick = await receiver.delivery()
            assert text(quick) == "quick work"
            await receiver.settle(in_progress(slow), acked(quick))
            assert set((await receiver.settled()).delivery_ids) == {slow.delivery_id, quick.delivery_id}
            await receiver.grant(1)
        await receiver.ack(slow)
    async with mail.receiving(agent, grant=1) as receiver:
        await mail.send(agent, "last")
        assert text(await receiver.delivery()) == "last"


@pytest.mark.capability("M3")
async def test_settlements_of_what_is_not_in_flight_are_told_so(mail: MailService) -> None:
    agent = mail.agent()
    await mail.send(agent)
    async with mail.receiving(agent, grant=1) as receiver:
        delivery = await receiver.delivery()
        stranger = message_service_pb2.Delivery(delivery_id=4711)
        await receiver.settle(acked(stranger), acked(delivery), acked(delivery), nacked(stranger), terminated(stranger))
        settled = await receiver.settled()
        assert settled.delivery_ids == [delivery.delivery_id]
        assert settled.unknown_delivery_ids == [4711, delivery.delivery_id, 4711, 4711]


async def test_many_settlements_are_confirmed_in_the_order_they_were_sent(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    for number in range(200):
        await mail.send(agent, str(number))
    confirmed: list[int] = []
    async with mail.receiving(agent, grant=200) as receiver:
        deliveries = await receiver.deliveries(200)
        for begin in range(0, 200, 10):
            await receiver.settle(*(acked(delivery) for delivery in deliveries[begin : begin + 10]))
        while len(confirmed) < 200:
            confirmed += (await receiver.settled()).delivery_ids
    assert confirmed == [delivery.delivery_id for delivery in deliveries]
    await all_mail_gone(bus)


async def test_bytes_that_are_no_mail_end_as_a_dead_letter_and_block_nobody(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    await bus.publish(mail_subject("default", agent.id, "normal"), b"\xff\xff", message_id="broken")
    await mail.send(agent, "good")
    async with mail.receiving(agent, grant=1) as receiver:
        assert text(await receiver.delivery()) == "good"
        letter = await dead_letter(bus, agent)
        assert (letter.reason, letter.message.payload.data, letter.attempts) == ("TERMINATED", b"\xff\xff", 0)
