"""What is said twice, late, or by somebody whose turn is over."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mailbox_service import (
    KnownAgents,
    MailAgent,
    MailService,
    ReceiveClient,
    acked,
    in_progress,
    nacked,
    running_mail_service,
    text,
)
from harness.nats_server import RestartableNats
from harness.tokens import TokenMint
from rookery.orchestrator.v1 import message_service_pb2
from rookery_kit.bus import Bus
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

# Longer than a process may stand still, so that nothing runs out of time while its stream is open.
POLICY = DeliveryPolicy(ack_wait=3.0, nack_backoff=(0.05,))
HASTY = DeliveryPolicy(ack_wait=1.0)
ROUNDS = 4
MESSAGES = 20


@pytest.fixture
async def replicas(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[list[MailService]]:
    agents, mint = KnownAgents(), TokenMint()
    async with (
        running_mail_service(fresh_database, nats_server, policy=POLICY, agents=agents, mint=mint) as first,
        running_mail_service(fresh_database, nats_server, policy=POLICY, agents=agents, mint=mint) as second,
    ):
        yield [first, second]


async def is_empty(mail: MailService, agent: MailAgent) -> bool:
    request = message_service_pb2.GetMailboxRequest(agent_id=agent.id)
    mailbox = (await mail.messages.GetMailbox(request, metadata=mail.mint.bearer())).mailbox
    return not (any(depth.messages for depth in mailbox.depths) or mailbox.in_flight or mailbox.dead_letters)


@pytest.mark.capability("M1")
async def test_of_what_is_said_twice_of_a_delivery_the_first_counts(replicas: list[MailService]) -> None:
    mail = replicas[0]
    agent = mail.agent()
    for number in range(3):
        await mail.send(agent, str(number))
    async with mail.receiving(agent, grant=10) as receiver:
        first, second, third = await receiver.deliveries(3)
        # Within a frame and in a later one, in agreement and in contradiction.
        await receiver.settle(acked(first), acked(first), nacked(second, reason="not now"), acked(second))
        await receiver.settle(nacked(first), in_progress(first), acked(second), acked(third))
        again = await receiver.delivery()
        assert (text(again), again.attempt) == ("1", 2)
        await receiver.settle(acked(again))
        settled: list[int] = []
        unknown: list[int] = []
        while again.delivery_id not in settled:
            frame = await receiver.settled()
            settled += frame.delivery_ids
            unknown += frame.unknown_delivery_ids
        assert sorted(settled) == [first.delivery_id, second.delivery_id, third.delivery_id, again.delivery_id]
        assert sorted(set(unknown)) == [first.delivery_id, second.delivery_id]
        await eventually(lambda: is_empty(mail, agent))
        assert receiver.undelivered == 0


@pytest.mark.capability("M1")
@pytest.mark.parametrize("word", [b"-NAK", b"+WPI", b"+TERM", b"+ACK"])
async def test_what_a_replica_says_of_mail_that_is_another_s_by_now_changes_nothing_for_its_receiver(
    fresh_database: FreshDatabase, nats_server: RestartableNats, bus: Bus, word: bytes
) -> None:
    async with running_mail_service(fresh_database, nats_server, policy=HASTY) as mail:
        agent = mail.agent()
        await mail.send(agent, "taken over")
        async with mail.receiving(agent) as receiver:
            # Taken out by a replica that hangs for a while.
            consumer = f"mail_default_{agent.id}_normal"
            subscription = await bus.jetstream.pull_subscribe_bind(stream="MAIL", durable=consumer)
            (held,) = await subscription.fetch(1)
            await receiver.grant(3)
            delivery = await receiver.delivery()
            assert delivery.attempt == 2
            await bus.client.publish(held.reply, word)
            await bus.client.flush()
            await mail.send(agent, "later")
            later = await receiver.delivery()
            assert text(later) == "later"
            await receiver.ack(delivery, later)
            await eventually(lambda: is_empty(mail, agent))
            assert receiver.undelivered == 0


async def confirmed(receiver: ReceiveClient) -> list[int]:
    """What is confirmed to a stream until it ends."""
    ids: list[int] = []
    try:
        while True:
            ids += (await receiver.settled()).delivery_ids
    except (grpc.aio.AioRpcError, AssertionError):
        return ids


async def take_all(receiver: ReceiveClient, got: list[str]) -> None:
    """Takes down and acknowledges all that comes, until cancelled."""
    while True:
        delivery = await receiver.delivery(within=60)
        got.append(text(delivery))
        await receiver.settle(acked(delivery))


@pytest.mark.capability("M1")
@pytest.mark.capability("M6")
async def test_a_stream_that_settles_while_another_takes_over_loses_nothing_and_keeps_nothing(
    replicas: list[MailService],
) -> None:
    for number in range(ROUNDS):
        older, newer = replicas if number % 2 else reversed(replicas)
        agent = older.agent()
        for each in range(MESSAGES):
            await older.send(agent, str(each))
        async with older.receiving(agent, grant=MESSAGES) as former:
            deliveries = await former.deliveries(MESSAGES)
            successor = newer.receiver(agent)
            settling = asyncio.create_task(former.settle(*map(acked, deliveries[: MESSAGES // 2])))
            await successor.open(agent)
            await asyncio.gather(settling, return_exceptions=True)
            await successor.opened()
            await successor.grant(2 * MESSAGES)
            # Also what is said when the turn is over.
            late = former.settle(*map(nacked, deliveries[MESSAGES // 2 :]))
            await asyncio.gather(late, return_exceptions=True)
            done = {text(deliveries[delivery_id - 1]) for delivery_id in await confirmed(former)}
            got: list[str] = []
            taking = asyncio.create_task(take_all(successor, got))
            await eventually(partial(is_empty, newer, agent), within=30)
            taking.cancel()
            # What the former acknowledged may be settled without its having been told.
            assert set(got) | set(map(text, deliveries[: MESSAGES // 2])) == set(map(text, deliveries))
            # Nothing comes twice to the stream that remains, and nothing that was confirmed comes again.
            assert len(got) == len(set(got))
            assert not done & set(got)
            successor.call.cancel()
