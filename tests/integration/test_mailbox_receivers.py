import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mailbox_service import (
    HIGH,
    NORMAL,
    KnownAgents,
    MailAgent,
    MailService,
    acked,
    nacked,
    running_mail_service,
    text,
    texts,
)
from harness.nats_server import RestartableNats
from harness.refusal import read_refusal
from harness.tokens import TokenMint
from nats.js.errors import NotFoundError
from rookery_kit.bus import Bus
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

# What comes again under this policy was given back, and has not run out of time.
PATIENT = DeliveryPolicy(ack_wait=60.0)


@pytest.fixture
async def replicas(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[list[MailService]]:
    agents, mint = KnownAgents(), TokenMint()
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                running_mail_service(fresh_database, nats_server, policy=PATIENT, agents=agents, mint=mint)
            )
            for _ in range(2)
        ]


async def consumers_of(bus: Bus, agent: MailAgent) -> list[str]:
    return [info.name for info in await bus.jetstream.consumers_info("MAIL") if agent.id in info.name]


@pytest.mark.capability("M1")
async def test_what_a_receiver_leaves_behind_is_delivered_to_the_next_at_once(replicas: list[MailService]) -> None:
    first, second = replicas
    agent = first.agent()
    for number in range(5):
        await first.send(agent, str(number))
    async with first.receiving(agent, grant=5) as receiver:
        deliveries = await receiver.deliveries(5)
        await receiver.ack(deliveries[0])
    async with second.receiving(agent, grant=5) as receiver:
        again = await receiver.deliveries(4)
        assert sorted(texts(again)) == ["1", "2", "3", "4"]
        assert {delivery.attempt for delivery in again} == {2}


@pytest.mark.capability("M1")
@pytest.mark.parametrize("place", ["same replica", "other replica"])
async def test_the_newer_of_two_streams_of_an_agent_wins(replicas: list[MailService], place: str) -> None:
    here, there = replicas[0], replicas[place == "other replica"]
    agent = here.agent()
    await here.send(agent, "held by the older")
    async with here.receiving(agent, grant=5) as older:
        await older.delivery()
        async with there.receiving(agent, grant=5) as newer:
            refused = read_refusal(await older.error())
            assert (refused.code, refused.reason) == (grpc.StatusCode.ABORTED, "SESSION_SUPERSEDED")
            again = await newer.delivery()
            assert (text(again), again.attempt) == ("held by the older", 2)
            await newer.ack(again)
            await here.send(agent, "for the newer")
            assert text(await newer.delivery()) == "for the newer"


async def test_a_stream_of_an_earlier_session_is_refused(replicas: list[MailService]) -> None:
    first, second = replicas
    earlier = first.agent()
    later = await first.begin_session(earlier)
    async with first.receiving(later, grant=1) as receiver:
        for replica in replicas:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async with replica.receiving(earlier):
                    pass
            assert read_refusal(caught.value).reason == "SESSION_SUPERSEDED"
        await second.send(later)
        await receiver.ack(await receiver.delivery())


async def test_an_earlier_session_is_refused_by_a_replica_that_has_not_heard_of_the_later_one(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    mint, informed, uninformed = TokenMint(), KnownAgents(), KnownAgents()
    async with (
        running_mail_service(fresh_database, nats_server, agents=informed, mint=mint) as first,
        running_mail_service(fresh_database, nats_server, agents=uninformed, mint=mint) as second,
    ):
        earlier = first.agent()
        uninformed.add(await informed.find("default", earlier.id, ()))
        later = await first.begin_session(earlier)
        async with first.receiving(later, grant=1) as receiver:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async with second.receiving(earlier):
                    pass
            assert read_refusal(caught.value).reason == "SESSION_SUPERSEDED"
            await first.send(later)
            await receiver.ack(await receiver.delivery())


async def test_of_many_streams_that_open_at_once_one_remains(replicas: list[MailService]) -> None:
    agent = replicas[0].agent()
    clients = [replica.receiver(agent) for replica in replicas * 4]
    await asyncio.gather(*(client.open(agent) for client in clients))
    ends = [asyncio.create_task(client.error()) for client in clients]
    await eventually(lambda: sum(end.done() for end in ends) == len(ends) - 1)
    assert {read_refusal(end.result()).reason for end in ends if end.done()} == {"SESSION_SUPERSEDED"}
    for client in clients:
        client.call.cancel()
    await asyncio.gather(*ends, return_exceptions=True)
    await replicas[0].send(agent)
    async with replicas[1].receiving(agent, grant=1) as receiver:
        await receiver.ack(await receiver.delivery())


@pytest.mark.capability("M1")
async def test_mail_that_a_dead_replica_held_is_delivered_after_its_time(
    fresh_database: FreshDatabase, nats_server: RestartableNats, bus: Bus
) -> None:
    policy = DeliveryPolicy(ack_wait=1.0)
    async with running_mail_service(fresh_database, nats_server, policy=policy) as mail:
        agent = mail.agent()
        await mail.send(agent)
        async with mail.receiving(agent) as receiver:
            # Taken out by somebody who says nothing more, as a replica that was killed.
            name = next(name for name in await consumers_of(bus, agent) if name.endswith("normal"))
            subscription = await bus.jetstream.pull_subscribe_bind(stream="MAIL", durable=name)
            assert len(await subscription.fetch(1)) == 1
            await receiver.grant(1)
            delivery = await receiver.delivery(within=5 * policy.ack_wait)
            assert delivery.attempt == 2
            await receiver.ack(delivery)


@pytest.mark.capability("M1")
@pytest.mark.parametrize("priority", [NORMAL, HIGH], ids=["normal", "high"])
async def test_mail_that_a_dead_replica_held_is_delivered_at_once_and_first_to_the_next_stream(
    replicas: list[MailService], bus: Bus, priority: int
) -> None:
    first, second = replicas
    agent = first.agent()
    for number in range(4):
        await first.send(agent, str(number), priority=priority)
    async with first.receiving(agent, grant=1) as receiver:
        await receiver.ack(await receiver.delivery())
    # Taken out by somebody who says nothing more, as a replica that was killed.
    name = next(
        name for name in await consumers_of(bus, agent) if name.endswith("high" if priority == HIGH else "normal")
    )
    subscription = await bus.jetstream.pull_subscribe_bind(stream="MAIL", durable=name)
    assert len(await subscription.fetch(2)) == 2
    await first.send(agent, "later", priority=priority)
    async with second.receiving(agent, grant=9) as receiver:
        deliveries = await receiver.deliveries(4)
        assert texts(deliveries) == ["1", "2", "3", "later"]
        assert [delivery.attempt for delivery in deliveries] == [2, 2, 1, 1]
        await receiver.ack(*deliveries)


@pytest.mark.capability("M3")
async def test_a_takeover_shortens_no_delay(replicas: list[MailService], bus: Bus) -> None:
    first, second = replicas
    agent = first.agent()
    for data in ("refused", "held"):
        await first.send(agent, data)
    async with first.receiving(agent, grant=1) as receiver:
        await receiver.settle(nacked(await receiver.delivery(), delay=Duration(seconds=3600)))
        await receiver.settled()
    name = next(name for name in await consumers_of(bus, agent) if name.endswith("normal"))
    subscription = await bus.jetstream.pull_subscribe_bind(stream="MAIL", durable=name)
    assert len(await subscription.fetch(1)) == 1
    await first.send(agent, "later")
    async with second.receiving(agent, grant=9) as receiver:
        assert texts(await receiver.deliveries(2)) == ["held", "later"]
        with pytest.raises(TimeoutError):
            await receiver.delivery(within=1)


async def test_an_agent_that_is_away_costs_the_broker_nothing_and_loses_nothing(
    fresh_database: FreshDatabase, nats_server: RestartableNats, bus: Bus
) -> None:
    policy = DeliveryPolicy(ack_wait=0.3, receiver_inactive=0.3)
    async with running_mail_service(fresh_database, nats_server, policy=policy) as mail:
        agent = mail.agent()
        assert await consumers_of(bus, agent) == []
        for number in range(3):
            await mail.send(agent, str(number))
        async with mail.receiving(agent, grant=2) as receiver:
            await receiver.ack((await receiver.deliveries(2))[0])
            assert len(await consumers_of(bus, agent)) == 1

        async def forgotten() -> bool:
            return await consumers_of(bus, agent) == []

        await eventually(forgotten, within=30)
        async with mail.receiving(agent, grant=2) as receiver:
            assert texts(await receiver.deliveries(2)) == ["1", "2"]


async def test_a_receiver_survives_the_loss_of_its_consumers(replicas: list[MailService], bus: Bus) -> None:
    mail = replicas[0]
    agent = mail.agent()
    await mail.send(agent, "delivered before")
    async with mail.receiving(agent, grant=1) as receiver:
        before = await receiver.delivery()
        for name in await consumers_of(bus, agent):
            await bus.jetstream.delete_consumer("MAIL", name)
        with pytest.raises(NotFoundError):
            await bus.jetstream.consumer_info("MAIL", f"mail_default_{agent.id}_normal")
        await receiver.settle(acked(before))
        # The broker knows nothing of that delivery any more and hands it out again, but it has been settled.
        assert (await receiver.settled()).delivery_ids == [before.delivery_id]
        await mail.send(agent, "sent afterwards")
        await receiver.grant(2)
        after = await receiver.delivery()
        assert text(after) == "sent afterwards"
        await receiver.ack(after)
