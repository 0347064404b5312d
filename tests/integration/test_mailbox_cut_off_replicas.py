"""A replica that is cut off from the bus, which has not been told: what it may keep from its successors."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import pytest
from harness.databases import FreshDatabase
from harness.mailbox_service import KnownAgents, MailService, running_mail_service, texts
from harness.nats_server import RestartableNats
from harness.silent_proxy import SilentProxy, silent_proxy
from harness.tokens import TokenMint
from rookery_kit.bus import Bus
from rookery_orchestrator.mailbox import standing_request
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

# What comes within the time of a test under this policy has not waited for its ack wait.
PATIENT = DeliveryPolicy(ack_wait=60.0)


@dataclass(frozen=True)
class Behind:
    """NATS by way of a proxy."""

    nats: RestartableNats
    proxy: SilentProxy

    def url(self, user: str = "orchestrator") -> str:
        parts = urlsplit(self.nats.url(user))
        login = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{login}@{self.proxy.address}"))


@dataclass(frozen=True)
class Replicas:
    """One that can be cut off, and another."""

    first: MailService
    second: MailService
    cable: SilentProxy


@pytest.fixture
async def replicas(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Replicas]:
    agents, mint = KnownAgents(), TokenMint()
    address = urlsplit(nats_server.url()).netloc.rpartition("@")[2]
    async with (
        silent_proxy(address) as cable,
        running_mail_service(
            fresh_database, Behind(nats_server, cable), policy=PATIENT, agents=agents, mint=mint
        ) as first,
        running_mail_service(fresh_database, nats_server, policy=PATIENT, agents=agents, mint=mint) as second,
    ):
        yield Replicas(first, second, cable)


async def some_time(mail: MailService, seconds: float) -> None:
    """Returns when a receiver has waited for so long in vain."""
    agent = mail.agent("a clock")
    async with mail.receiving(agent, grant=1) as receiver:
        with pytest.raises(TimeoutError):
            await receiver.delivery(within=seconds)


@pytest.mark.capability("M1")
@pytest.mark.timeout(120)
async def test_a_replica_that_is_cut_off_keeps_one_message_at_most_from_the_next_stream(replicas: Replicas) -> None:
    agent = replicas.first.agent()
    async with replicas.first.receiving(agent, grant=200) as receiver:
        for number in range(100):
            await replicas.second.send(agent, f"before {number}")
        await receiver.ack(*await receiver.deliveries(100))
        replicas.cable.silence()
        await some_time(replicas.second, 3 * standing_request._QUICKLY_SECONDS)
        async with replicas.second.receiving(agent, grant=100) as successor:
            for number in range(20):
                await replicas.second.send(agent, str(number))
            came = texts(await successor.deliveries(19))
            assert came == sorted(came, key=int)


@pytest.mark.capability("M1")
async def test_mail_is_delivered_although_what_was_out_cannot_be_returned(
    fresh_database: FreshDatabase, nats_server: RestartableNats, bus: Bus
) -> None:
    async with running_mail_service(fresh_database, nats_server, policy=PATIENT) as mail:
        agent = mail.agent()
        for number in range(2):
            await mail.send(agent, str(number))
        async with mail.receiving(agent, grant=0):
            name = f"mail_default_{agent.id}_normal"
            subscription = await bus.jetstream.pull_subscribe_bind(stream="MAIL", durable=name)
            assert len(await subscription.fetch(1)) == 1
        await bus.jetstream.delete_stream("ATTEMPT")
        async with mail.receiving(agent, grant=2) as receiver:
            assert texts([await receiver.delivery()]) == ["1"]
