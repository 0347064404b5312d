"""The bus is killed and comes back; a history of sends and deliveries tells whether anything was lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import uuid4

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.free_ports import free_address
from harness.mailbox_service import (
    HIGH,
    LOW,
    NORMAL,
    MailAgent,
    MailService,
    acked,
    mail_service_at,
    running_mail_service,
    text,
)
from harness.nats_server import RestartableNats
from harness.refusal import Refusal, read_refusal, refusal
from rookery.orchestrator.v1 import message_service_pb2
from rookery_kit.rpc import open_channel
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

SENDERS = 8


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    policy = DeliveryPolicy(ack_wait=2.0, max_deliveries=100)
    async with running_mail_service(fresh_database, nats_server, policy=policy) as service:
        yield service


@dataclass
class History:
    """What was acknowledged to the senders, what was delivered, what was confirmed to the receiver."""

    sent: set[str] = field(default_factory=set)
    delivered: Counter[str] = field(default_factory=Counter)
    settled: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    enough: bool = False

    async def send(self, mail: MailService, agent: MailAgent, sender: int) -> None:
        """Sends until it is enough; what is refused is sent again under its id."""
        priority = (HIGH, NORMAL, LOW)[sender % 3]
        while not self.enough:
            message_id = str(uuid4())
            while message_id not in self.sent:
                try:
                    await mail.send(agent, message_id, message_id=message_id, priority=priority)
                except grpc.aio.AioRpcError as error:
                    self.refusals.append(read_refusal(error))
                else:
                    self.sent.add(message_id)

    async def receive(self, mail: MailService, agent: MailAgent) -> None:
        """Receives on one stream, acknowledging everything, until cancelled."""
        async with mail.receiving(agent, grant=100) as receiver:
            while True:
                frame = await receiver.call.read()
                assert isinstance(frame, message_service_pb2.ReceiveResponse), await receiver.call.details()
                self.settled += len(frame.settled.delivery_ids)
                if deliveries := frame.deliveries.deliveries:
                    self.delivered.update(text(delivery) for delivery in deliveries)
                    await receiver.settle(*(acked(delivery) for delivery in deliveries))
                    await receiver.grant(len(deliveries))

    async def further(self, count: int) -> None:
        """Waits until so many more have been sent and delivered."""
        sent, delivered = len(self.sent) + count, self.delivered.total() + count
        await eventually(lambda: len(self.sent) >= sent and self.delivered.total() >= delivered, within=60)


@pytest.mark.capability("M1")
@pytest.mark.capability("M6")
async def test_no_acknowledged_message_is_lost_when_the_bus_is_killed_under_load(
    mail: MailService, nats_server: RestartableNats
) -> None:
    agent, history = mail.agent(), History()
    receiving = asyncio.create_task(history.receive(mail, agent))
    sending = [asyncio.create_task(history.send(mail, agent, sender)) for sender in range(SENDERS)]
    await history.further(100)
    # Away long enough for senders to be refused and for deliveries to run out of time.
    await nats_server.kill()
    await eventually(lambda: len(history.refusals) >= SENDERS, within=30)
    await nats_server.restart()
    await history.further(100)
    # Away for a moment.
    for _ in range(2):
        await nats_server.kill()
        await nats_server.restart()
        await history.further(50)
    history.enough = True
    await asyncio.gather(*sending)
    await eventually(lambda: history.sent <= history.delivered.keys(), within=30)
    await eventually(lambda: history.settled >= history.delivered.total(), within=30)
    assert not receiving.done(), "the stream did not stay open"
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    for refused in history.refusals:
        assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "BUS_UNAVAILABLE")
        assert refused.retry_after
    async with mail.receiving(agent, grant=1) as receiver:
        await mail.send(agent, "nothing is left but this")
        assert text(await receiver.delivery()) == "nothing is left but this"


@pytest.mark.capability("M1")
async def test_a_waiting_receiver_gets_mail_after_the_bus_was_away(
    mail: MailService, nats_server: RestartableNats
) -> None:
    agent = mail.agent()
    async with mail.receiving(agent, grant=2) as receiver:
        await mail.send(agent, "before")
        before = await receiver.delivery()
        await nats_server.kill()
        await receiver.settle(acked(before))
        await nats_server.restart()
        assert (await receiver.settled()).delivery_ids == [before.delivery_id]
        await mail.send(agent, "after")
        assert text(await receiver.delivery()) == "after"


async def test_opening_a_mailbox_is_refused_while_the_bus_is_away(
    mail: MailService, nats_server: RestartableNats
) -> None:
    agent = mail.agent()
    await nats_server.kill()
    client = mail.receiver(agent)
    await client.open(agent)
    refused = await refusal(client.opened())
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "BUS_UNAVAILABLE")
    assert refused.retry_after


async def test_a_stopping_service_gives_mail_back_and_says_to_come_again(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    address, policy = free_address(), DeliveryPolicy(ack_wait=60.0)
    async with (
        open_channel(address) as channel,
        running_mail_service(fresh_database, nats_server, policy=policy) as other,
    ):
        agent = other.agent()
        await other.send(agent)
        async with running_mail_service(
            fresh_database, nats_server, policy=policy, agents=other.agents, mint=other.mint, listen=address
        ):
            client = mail_service_at(channel, other.mint, other.agents).receiver(agent)
            await client.open(agent)
            await client.opened()
            await client.grant(1)
            assert (await client.delivery()).attempt == 1
        refused = read_refusal(await client.error())
        assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
        assert refused.retry_after
        async with other.receiving(agent, grant=1) as receiver:
            assert (await receiver.delivery()).attempt == 2
