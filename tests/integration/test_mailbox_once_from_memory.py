"""What was settled is not delivered again either where the inbox is not asked, because its summary is believed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mail_replicas import running_mail_replicas
from harness.mailbox_service import QUICK, MailAgent, MailService, ReceiveClient, acked, nacked, text
from harness.nats_server import RestartableNats
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import mail_subject

pytestmark = pytest.mark.capability("M6")
_UNANSWERED_SECONDS = 0.5


@pytest.fixture
async def replicas(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[list[MailService]]:
    policy = replace(QUICK, summary_age=0.1)
    async with running_mail_replicas(fresh_database, nats_server, policy=policy) as several:
        yield several


@asynccontextmanager
async def inbox_that_does_not_answer(database: FreshDatabase) -> AsyncIterator[None]:
    """Whoever asks it waits until the block ends."""
    connection = await asyncpg.connect(database.admin_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE orchestrator.settled_messages IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def until_believed(mail: MailService, agent: MailAgent, receiver: ReceiveClient, database: FreshDatabase) -> None:
    """Returns once what is sent is delivered while the inbox does not answer."""

    async def delivered() -> bool:
        async with inbox_that_does_not_answer(database):
            await mail.send(agent, "probe")
            delivery = asyncio.ensure_future(receiver.delivery())
            await asyncio.wait([delivery], timeout=_UNANSWERED_SECONDS)
            in_time = delivery.done()
        await receiver.ack(await delivery)
        return in_time

    await eventually(delivered)


async def stored(bus: Bus, agent: MailAgent) -> bytes:
    """The mail that was stored last for an agent."""
    return (await bus.jetstream.get_last_msg("MAIL", mail_subject("default", agent.id, "normal"))).data or b""


async def store_again(bus: Bus, agent: MailAgent, mail: bytes) -> None:
    """As when it is sent again and the broker has forgotten its id."""
    await bus.publish(mail_subject("default", agent.id, "normal"), mail, message_id=f"forgotten {agent.id}")


async def test_what_a_stream_has_settled_itself(
    replicas: list[MailService], bus: Bus, fresh_database: FreshDatabase
) -> None:
    mail = replicas[0]
    agent = mail.agent()
    async with mail.receiving(agent, grant=100) as receiver:
        await until_believed(mail, agent, receiver, fresh_database)
        await mail.send(agent, "once")
        copy = await stored(bus, agent)
        await receiver.ack(await receiver.delivery())
        await store_again(bus, agent, copy)
        await mail.send(agent, "another")
        assert text(await receiver.delivery()) == "another"


async def test_what_a_stream_on_another_replica_had_settled_before(
    replicas: list[MailService], bus: Bus, fresh_database: FreshDatabase
) -> None:
    first, second = replicas
    agent = first.agent()
    await first.send(agent, "once")
    copy = await stored(bus, agent)
    async with first.receiving(agent, grant=1) as receiver:
        await receiver.ack(await receiver.delivery())
    async with second.receiving(agent, grant=100) as receiver:
        await until_believed(second, agent, receiver, fresh_database)
        await store_again(bus, agent, copy)
        await second.send(agent, "another")
        assert text(await receiver.delivery()) == "another"


async def test_what_has_failed_is_asked_for_before_it_is_delivered_again(
    replicas: list[MailService], bus: Bus, fresh_database: FreshDatabase
) -> None:
    mail = replicas[0]
    agent = mail.agent()
    async with mail.receiving(agent, grant=100) as receiver:
        await until_believed(mail, agent, receiver, fresh_database)
        await mail.send(agent, "again")
        first = await receiver.delivery()
        async with inbox_that_does_not_answer(fresh_database):
            await receiver.settle(nacked(first))
            second = asyncio.ensure_future(receiver.delivery())
            await asyncio.wait([second], timeout=_UNANSWERED_SECONDS)
            assert not second.done()
        assert (await second).attempt == 2


async def test_mail_goes_on_while_the_inbox_is_away_for_longer_than_mail_may_be_out(
    replicas: list[MailService], bus: Bus, fresh_database: FreshDatabase
) -> None:
    mail = replicas[0]
    agent = mail.agent()

    async def handed_out_again() -> bool:
        return any(each.num_redelivered for each in await bus.jetstream.consumers_info("MAIL"))

    async with mail.receiving(agent, grant=100) as receiver:
        await until_believed(mail, agent, receiver, fresh_database)
        async with inbox_that_does_not_answer(fresh_database):
            await mail.send(agent, "settled")
            await receiver.settle(acked(await receiver.delivery()))
            await eventually(handed_out_again)
            await mail.send(agent, "after")
            assert text(await receiver.delivery()) == "after"
