"""Two replicas, one of which has a clock that is an hour off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mail_traffic import MailTraffic
from harness.mailbox_service import KnownAgents, MailAgent, MailService, nacked, running_mail_service, text
from harness.nats_server import RestartableNats
from harness.tokens import TokenMint
from rookery.orchestrator.v1 import message_service_pb2
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

HOUR = timedelta(hours=1)
POLICY = DeliveryPolicy(ack_wait=2.0, nack_backoff=(0.05,))
# Shorter than the clock is off.
BRIEF = Duration(seconds=1200)


@asynccontextmanager
async def replicas(
    database: FreshDatabase, nats: RestartableNats, ahead: timedelta
) -> AsyncIterator[tuple[MailService, MailService]]:
    """One whose clock is right, and one whose clock is not."""
    agents, mint = KnownAgents(), TokenMint()
    async with (
        running_mail_service(database, nats, policy=POLICY, agents=agents, mint=mint) as right,
        running_mail_service(database, nats, policy=POLICY, agents=agents, mint=mint, ahead=ahead) as wrong,
    ):
        yield right, wrong


@pytest.fixture(params=[HOUR, -HOUR], ids=["ahead", "behind"])
async def pair(
    request: pytest.FixtureRequest, fresh_database: FreshDatabase, nats_server: RestartableNats
) -> AsyncIterator[tuple[MailService, MailService]]:
    async with replicas(fresh_database, nats_server, request.param) as both:
        yield both


async def is_empty(mail: MailService, agent: MailAgent) -> bool:
    request = message_service_pb2.GetMailboxRequest(agent_id=agent.id)
    answer = await mail.messages.GetMailbox(request, metadata=mail.mint.bearer())
    return not any(depth.messages for depth in answer.mailbox.depths)


@pytest.mark.capability("M9")
async def test_a_message_lives_as_long_as_it_should_whichever_replica_has_the_wrong_clock(
    pair: tuple[MailService, MailService],
) -> None:
    for accepting, delivering in (pair, pair[::-1]):
        agent = accepting.agent()
        await accepting.send(agent, "gone soon", time_to_live=Duration(seconds=1))
        await eventually(partial(is_empty, accepting, agent))
        sent = await accepting.send(agent, "brief", time_to_live=BRIEF)
        assert abs(sent.message.create_time.ToDatetime(tzinfo=UTC) - datetime.now(UTC)) < timedelta(seconds=10)
        async with delivering.receiving(agent, grant=5) as receiver:
            delivery = await receiver.delivery()
            assert text(delivery) == "brief"
            await receiver.settle(nacked(delivery))
            again = await receiver.delivery()
            assert (text(again), again.attempt) == ("brief", 2)
            await receiver.ack(again)


@pytest.mark.capability("M9")
async def test_a_message_for_later_is_neither_early_nor_lost_where_the_clock_is_wrong(
    pair: tuple[MailService, MailService],
) -> None:
    right, wrong = pair
    agent = right.agent()
    at = datetime.now(UTC) + timedelta(seconds=2)
    stamp = Timestamp()
    stamp.FromDatetime(at)
    await wrong.send(agent, "later", deliver_time=stamp, time_to_live=BRIEF)
    async with wrong.receiving(agent, grant=1) as receiver:
        delivery = await receiver.delivery()
        assert text(delivery) == "later"
        assert datetime.now(UTC) >= at
        await receiver.ack(delivery)


@pytest.mark.capability("M6")
@pytest.mark.capability("M7")
async def test_no_promise_is_broken_when_receivers_move_between_replicas_whose_clocks_differ(
    pair: tuple[MailService, MailService],
) -> None:
    traffic = MailTraffic(pair[0].agent(), *pair)
    async with traffic.flowing("high", "normal", "low", time_to_live=BRIEF):
        for _ in range(6):
            await traffic.more(50)
            traffic.move()
    assert traffic.history.check() == []
