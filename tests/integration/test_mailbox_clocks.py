"""Two replicas, one of which has a clock that is wrong: that of its mailboxes, or that of its whole process."""

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
from harness.orchestrator_processes import orchestrator_processes
from harness.refusal import refusal
from harness.tokens import TokenMint
from rookery.orchestrator.v1 import message_service_pb2
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

HOUR = timedelta(hours=1)
# As far ahead of the time a token of auth's may be; a replica that is as far off takes it all the same.
SECONDS = timedelta(seconds=2)
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


@asynccontextmanager
async def processes(
    database: FreshDatabase, nats: RestartableNats, ahead: timedelta
) -> AsyncIterator[tuple[MailService, MailService]]:
    """The same, as processes of their own; callers of either have tokens that are in time for it."""
    issued = timedelta(), ahead
    async with orchestrator_processes(database, nats, ahead=ahead, policy=POLICY, issued=issued) as both:
        yield both


@pytest.fixture(
    params=[(replicas, HOUR), (replicas, -HOUR), (processes, HOUR), (processes, -HOUR)],
    ids=["mailboxes-ahead", "mailboxes-behind", "process-ahead", "process-behind"],
)
async def pair(
    request: pytest.FixtureRequest, fresh_database: FreshDatabase, nats_server: RestartableNats
) -> AsyncIterator[tuple[MailService, MailService]]:
    opened, ahead = request.param
    async with opened(fresh_database, nats_server, ahead) as both:
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


@pytest.mark.capability("A2")
@pytest.mark.capability("M6")
@pytest.mark.parametrize("ahead", [SECONDS, -SECONDS], ids=["ahead", "behind"])
async def test_replicas_whose_clocks_are_seconds_apart_take_the_same_tokens_and_keep_every_promise(
    fresh_database: FreshDatabase, nats_server: RestartableNats, ahead: timedelta
) -> None:
    issued = SECONDS, SECONDS
    async with orchestrator_processes(fresh_database, nats_server, ahead=ahead, policy=POLICY, issued=issued) as both:
        traffic = MailTraffic(both[0].agent(), *both)
        async with traffic.flowing("high", "normal", time_to_live=BRIEF):
            for _ in range(4):
                await traffic.more(25)
                traffic.move()
        assert traffic.history.check() == []


@pytest.mark.capability("A2")
@pytest.mark.parametrize(
    ("ahead", "reason"), [(HOUR, "TOKEN_EXPIRED"), (-HOUR, "TOKEN_INVALID")], ids=["ahead", "behind"]
)
async def test_a_replica_whose_clock_is_an_hour_off_refuses_callers(
    fresh_database: FreshDatabase, nats_server: RestartableNats, ahead: timedelta, reason: str
) -> None:
    issued = timedelta(), timedelta()
    async with orchestrator_processes(fresh_database, nats_server, ahead=ahead, policy=POLICY, issued=issued) as both:
        right, wrong = both
        agent = right.agent()
        assert (await refusal(wrong.send(agent))).reason == reason
        assert (await right.send(agent)).message.id
