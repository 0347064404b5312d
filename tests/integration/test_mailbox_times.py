"""Messages with a time: not before it, and not after it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mailbox_service import MailService, running_mail_service, text
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.trail import listed
from nats.js.errors import NotFoundError
from rookery.orchestrator.v1 import mailbox_pb2, message_service_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import mail_subject


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


def in_seconds(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    return stamp


@pytest.mark.capability("M9")
async def test_an_expired_message_is_removed_and_never_delivered(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    sent = await mail.send(agent, "brief", time_to_live=Duration(seconds=1))
    assert sent.message.expire_time.ToDatetime() - sent.message.create_time.ToDatetime() == timedelta(seconds=1)

    async def removed() -> bool:
        try:
            await bus.jetstream.get_last_msg("MAIL", mail_subject("default", agent.id, "normal"))
        except NotFoundError:
            return True
        return False

    await eventually(removed)
    await mail.send(agent, "lasting")
    async with mail.receiving(agent, grant=2) as receiver:
        assert text(await receiver.delivery()) == "lasting"


@pytest.mark.capability("M9")
async def test_what_expired_and_is_still_stored_is_not_delivered(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    await mail.send(agent, "brief", time_to_live=Duration(seconds=1))
    subject = mail_subject("default", agent.id, "normal")
    stored = (await bus.jetstream.get_last_msg("MAIL", subject)).data or b""
    # A copy that the server will not remove.
    await bus.publish(subject, stored, message_id="without a time to live")

    async def only_the_copy_is_left() -> bool:
        return (await bus.jetstream.stream_info("MAIL", subjects_filter=subject)).state.subjects == {subject: 1}

    await eventually(only_the_copy_is_left)
    await mail.send(agent, "lasting")
    async with mail.receiving(agent, grant=2) as receiver:
        assert text(await receiver.delivery()) == "lasting"


async def test_a_message_for_later_is_delivered_when_its_time_has_come_and_not_before(mail: MailService) -> None:
    agent = mail.agent()
    at = in_seconds(1.5)
    sent = await mail.send(agent, "later", deliver_time=at)
    assert sent.message.deliver_time == at
    await mail.send(agent, "now")
    async with mail.receiving(agent, grant=2) as receiver:
        assert text(await receiver.delivery()) == "now"
        later = await receiver.delivery()
        assert text(later) == "later"
        assert datetime.now(UTC) >= at.ToDatetime(tzinfo=UTC)


@pytest.mark.capability("M6")
async def test_a_message_for_later_is_kept_once_and_survives_the_service(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    async with running_mail_service(fresh_database, nats_server) as mail:
        agent, message_id, at = mail.agent(), str(uuid4()), in_seconds(2)
        first = await mail.send(agent, "later", message_id=message_id, deliver_time=at)
        again = await mail.send(agent, "later", message_id=message_id, deliver_time=at)
        assert (first.duplicate, again.duplicate) == (False, True)
    async with (
        running_mail_service(fresh_database, nats_server, agents=mail.agents, mint=mail.mint) as restarted,
        restarted.receiving(agent, grant=2) as receiver,
    ):
        assert text(await receiver.delivery()) == "later"
        await restarted.send(agent, "last")
        assert text(await receiver.delivery()) == "last"


@pytest.mark.capability("M7")
async def test_a_message_for_later_that_expires_while_the_bus_is_away_is_in_the_trail_and_not_delivered(
    mail: MailService, nats_server: RestartableNats
) -> None:
    agent = mail.agent()
    sent = await mail.send(agent, "too late", deliver_time=in_seconds(0.3), time_to_live=Duration(seconds=1))
    await nats_server.kill()
    gone = sent.message.expire_time.ToDatetime(tzinfo=UTC)
    await eventually(lambda: datetime.now(UTC) > gone)
    await nats_server.restart()
    (record,) = await listed(mail, 1, agent_id=agent.id)
    assert (record.message.id, record.state) == (sent.message.id, mailbox_pb2.MESSAGE_STATE_EXPIRED)
    async with mail.receiving(agent, grant=2) as receiver:
        await mail.send(agent, "last")
        assert text(await receiver.delivery()) == "last"


async def test_a_purge_cancels_what_is_for_later(mail: MailService) -> None:
    agent = mail.agent()
    await mail.send(agent, "never", deliver_time=in_seconds(60))
    purge = message_service_pb2.PurgeMailboxRequest(agent_id=agent.id)
    assert (await mail.messages.PurgeMailbox(purge, metadata=mail.mint.bearer())).purged == 1
    assert (await mail.messages.PurgeMailbox(purge, metadata=mail.mint.bearer())).purged == 0


async def test_a_time_in_the_past_is_now_and_one_too_far_off_is_refused(mail: MailService) -> None:
    agent = mail.agent()
    await mail.send(agent, "at once", deliver_time=in_seconds(-60))
    async with mail.receiving(agent, grant=1) as receiver:
        assert text(await receiver.delivery()) == "at once"
    refused = await refusal(mail.send(agent, deliver_time=in_seconds(400 * 86400)))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
