"""The inbox at the receiver's side: what was settled is not delivered again, whatever the broker has forgotten."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mail_replicas import running_mail_replicas
from harness.mailbox_service import MailAgent, MailService, nacked, text
from harness.nats_server import RestartableNats
from nats.js.errors import NotFoundError
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import mail_subject


@pytest.fixture
async def replicas(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[list[MailService]]:
    async with running_mail_replicas(fresh_database, nats_server) as several:
        yield several


async def copy_of(bus: Bus, agent: MailAgent) -> bytes:
    """The mail that waits for an agent, as it is stored."""
    found = await bus.jetstream.get_last_msg("MAIL", mail_subject("default", agent.id, "normal"))
    return found.data or b""


async def mailbox_is_empty(bus: Bus, agent: MailAgent) -> bool:
    try:
        await copy_of(bus, agent)
    except NotFoundError:
        return True
    return False


@pytest.mark.capability("M6")
async def test_a_settled_message_sent_again_after_a_restart_of_the_bus_is_not_delivered_again(
    replicas: list[MailService], nats_server: RestartableNats, bus: Bus
) -> None:
    first, second = replicas
    agent, message_id = first.agent(), str(uuid4())
    await first.send(agent, "once", message_id=message_id)
    async with first.receiving(agent, grant=10) as receiver:
        await receiver.ack(await receiver.delivery())
    await eventually(lambda: mailbox_is_empty(bus, agent))
    await nats_server.kill()
    await nats_server.restart()
    # The other replica has never heard of the id, and the broker has forgotten it.
    answer = await eventually(lambda: second.send(agent, "twice", message_id=message_id), retry=(Exception,))
    assert not answer.duplicate
    await second.send(agent, "another")
    async with second.receiving(agent, grant=10) as receiver:
        assert text(await receiver.delivery()) == "another"


@pytest.mark.capability("M6")
async def test_two_copies_of_a_message_that_the_broker_took_for_two_are_delivered_once(
    replicas: list[MailService], bus: Bus
) -> None:
    mail = replicas[0]
    agent = mail.agent()
    await mail.send(agent, "once")
    await bus.publish(mail_subject("default", agent.id, "normal"), await copy_of(bus, agent), message_id="forgotten")
    await mail.send(agent, "last")
    async with mail.receiving(agent, grant=10) as receiver:
        once, last = await receiver.deliveries(2)
        assert [text(once), text(last)] == ["once", "last"]
        await receiver.ack(once, last)
        await eventually(lambda: mailbox_is_empty(bus, agent))
        assert receiver.undelivered == 0


@pytest.mark.capability("M6")
async def test_a_copy_takes_nothing_from_a_message_that_is_refused(replicas: list[MailService], bus: Bus) -> None:
    mail = replicas[0]
    agent = mail.agent()
    await mail.send(agent, "once")
    await bus.publish(mail_subject("default", agent.id, "normal"), await copy_of(bus, agent), message_id="forgotten")
    async with mail.receiving(agent, grant=10) as receiver:
        delivery = await receiver.delivery()
        await receiver.settle(nacked(delivery))
        again = await receiver.delivery()
        assert text(again) == "once"
        await receiver.ack(again)
        await eventually(lambda: mailbox_is_empty(bus, agent))


@pytest.mark.capability("M1")
async def test_mail_that_was_settled_and_not_removed_is_not_delivered_again(
    replicas: list[MailService], bus: Bus
) -> None:
    mail, other = replicas
    agent = mail.agent()
    await mail.send(agent, "settled")
    stored = await copy_of(bus, agent)
    async with mail.receiving(agent, grant=1) as receiver:
        await receiver.ack(await receiver.delivery())
    await eventually(lambda: mailbox_is_empty(bus, agent))
    # As if the process had died before it removed the mail.
    await bus.publish(mail_subject("default", agent.id, "normal"), stored, message_id="left behind")
    async with other.receiving(agent, grant=1) as receiver:
        await eventually(lambda: mailbox_is_empty(bus, agent))
        assert receiver.undelivered == 0
