"""Receivers whose connection is dead without anybody having been told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.free_ports import free_address
from harness.mailbox_service import MailAgent, MailService, mail_service_at, running_mail_service, texts
from harness.nats_server import RestartableNats
from harness.silent_proxy import SilentProxy, silent_proxy
from rookery.orchestrator.v1 import message_service_pb2
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_sdk.channels import open_channel as open_agent_channel

# What comes again under this policy was given back, and has not run out of time.
PATIENT = DeliveryPolicy(ack_wait=120.0)
SECONDS = 30.0


@pytest.fixture
async def address() -> str:
    return free_address()


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats, address: str) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server, policy=PATIENT, listen=address) as service:
        yield service


@pytest.fixture
async def proxy(mail: MailService, address: str) -> AsyncIterator[SilentProxy]:
    async with silent_proxy(address) as running:
        yield running


@asynccontextmanager
async def over(channel: grpc.aio.Channel, mail: MailService) -> AsyncIterator[MailService]:
    try:
        yield mail_service_at(channel, mail.mint, mail.agents)
    finally:
        await channel.close()


async def is_received_from(mail: MailService, agent: MailAgent) -> bool:
    request = message_service_pb2.GetMailboxRequest(agent_id=agent.id)
    answer = await mail.messages.GetMailbox(request, metadata=mail.mint.bearer())
    return answer.mailbox.receiving


@pytest.mark.capability("M1")
@pytest.mark.timeout(120)
async def test_a_receiver_that_is_idle_learns_within_seconds_that_its_connection_is_dead(
    mail: MailService, proxy: SilentProxy
) -> None:
    agent = mail.agent()
    async with over(open_agent_channel(proxy.address), mail) as agents_side:
        receiver = agents_side.receiver(agent)
        await receiver.open(agent)
        await receiver.opened()
        proxy.silence()
        await mail.send(agent, "never heard of")
        await receiver.grant(1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await receiver.delivery(within=SECONDS)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.capability("M1")
@pytest.mark.timeout(120)
async def test_mail_of_a_receiver_that_is_dead_is_given_back_without_anybody_asking_for_it(
    mail: MailService, proxy: SilentProxy
) -> None:
    agent = mail.agent()
    for number in range(3):
        await mail.send(agent, str(number))
    # A client that does not notice itself: it sends no pings.
    async with over(grpc.aio.insecure_channel(proxy.address), mail) as agents_side:
        receiver = agents_side.receiver(agent)
        await receiver.open(agent)
        await receiver.opened()
        await receiver.grant(2)
        assert texts(await receiver.deliveries(2)) == ["0", "1"]
        assert await is_received_from(mail, agent)
        proxy.silence()

        async def given_up() -> bool:
            return not await is_received_from(mail, agent)

        await eventually(given_up, within=SECONDS)
        async with mail.receiving(agent, grant=3) as successor:
            assert sorted(texts(await successor.deliveries(3))) == ["0", "1", "2"]
        receiver.call.cancel()
