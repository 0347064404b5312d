"""The audit trail: every message that was accepted, and what became of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from harness.databases import FreshDatabase, OpenDatabase
from harness.dead_letters import kill_letters
from harness.eventually import eventually
from harness.mailbox_service import KnownAgents, MailAgent, MailService, running_mail_service
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tokens import Bearer, TokenMint
from harness.trail import listed, listing
from rookery.orchestrator.v1 import mailbox_pb2, message_service_pb2
from rookery_kit.bus import Bus
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

SENT, ACKED = mailbox_pb2.MESSAGE_STATE_SENT, mailbox_pb2.MESSAGE_STATE_ACKED
DEAD = mailbox_pb2.MESSAGE_STATE_DEAD_LETTERED


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


def as_agent(mail: MailService, agent: MailAgent, *permissions: str) -> Bearer:
    return mail.mint.bearer(subject=f"agent:{agent.id}", permissions=("messages:read", *permissions))


@pytest.mark.capability("M7")
async def test_every_message_is_in_the_trail_with_what_became_of_it(mail: MailService) -> None:
    agent = mail.agent()
    acked = await mail.send(agent, "done", type="order", correlation_id="c-7")
    async with mail.receiving(agent, grant=1) as receiver:
        await receiver.ack(await receiver.delivery())
    await kill_letters(mail, agent, "poison")
    waiting = await mail.send(agent, "waits")
    (record,) = await listed(mail, 1, state=ACKED)
    assert (record.message.id, record.delivery) == (acked.message.id, 1)
    assert (record.message.type, record.message.correlation_id) == ("order", "c-7")
    assert record.message.sender == "user:admin"
    assert record.message.payload.data == b"", "payloads are kept only where that is set"
    assert record.end_time.ToNanoseconds() > record.message.create_time.ToNanoseconds()
    await listed(mail, 1, state=DEAD)
    (still,) = await listed(mail, 1, state=SENT)
    assert still.message.id == waiting.message.id
    assert not still.HasField("end_time")


@pytest.mark.capability("M7")
async def test_messages_are_listed_by_agent_correlation_type_and_time_and_paged(mail: MailService) -> None:
    ann, bob = mail.agent("ann"), mail.agent("bob")
    from_ann = as_agent(mail, ann, "messages:send")
    for number in range(5):
        await mail.send(bob, str(number), metadata=from_ann, type="note", correlation_id=f"c-{number}")
    await mail.send(ann, "answer", type="answer")
    everything = await listed(mail, 6)
    times = [record.message.create_time.ToNanoseconds() for record in everything]
    assert times == sorted(times, reverse=True)
    assert len(await listing(mail, agent_id=ann.id)) == 6
    assert len(await listing(mail, agent_id=bob.id)) == 5
    assert [each.message.correlation_id for each in await listing(mail, correlation_id="c-3")] == ["c-3"]
    assert [each.message.type for each in await listing(mail, type="answer")] == ["answer"]
    middle = everything[2].message.create_time
    assert len(await listing(mail, since=middle)) == 3
    assert len(await listing(mail, until=middle)) == 3
    paged: list[str] = []
    request = message_service_pb2.ListMessagesRequest(agent_id=ann.id, page_size=4)
    while True:
        page = await mail.messages.ListMessages(request, metadata=mail.mint.bearer())
        paged += [record.message.id for record in page.messages]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert paged == [record.message.id for record in everything]
    request.type = "note"
    request.page_token = (
        await mail.messages.ListMessages(
            message_service_pb2.ListMessagesRequest(page_size=1), metadata=mail.mint.bearer()
        )
    ).next_page_token
    assert (await refusal(mail.messages.ListMessages(request, metadata=mail.mint.bearer()))).reason == (
        "INVALID_PAGE_TOKEN"
    )


@pytest.mark.capability("A6")
async def test_an_agent_sees_in_the_trail_what_it_sent_or_was_sent(mail: MailService) -> None:
    ann, bob, cyd = mail.agent("ann"), mail.agent("bob"), mail.agent("cyd")
    await mail.send(bob, "from ann", metadata=as_agent(mail, ann, "messages:send"))
    await mail.send(cyd, "not for ann")
    await listed(mail, 2)
    assert len(await listing(mail, as_agent(mail, ann))) == 1
    assert len(await listing(mail, as_agent(mail, bob))) == 1
    assert len(await listing(mail, as_agent(mail, ann), agent_id=cyd.id)) == 0
    assert len(await listing(mail, as_agent(mail, ann, "messages:manage"))) == 2
    assert await listing(mail, mail.mint.bearer(tenant="other")) == []


@pytest.mark.capability("M7")
async def test_payloads_are_kept_where_that_is_set(fresh_database: FreshDatabase, nats_server: RestartableNats) -> None:
    policy = DeliveryPolicy(trail_payloads=True)
    async with running_mail_service(fresh_database, nats_server, policy=policy) as mail:
        agent, large = mail.agent(), "x" * 200_000
        for _ in range(5):
            await mail.send(agent, large)
        assert {each.message.payload.data for each in await listed(mail, 5)} == {large.encode()}


@pytest.mark.capability("M7")
async def test_no_message_is_missing_from_the_trail_when_bus_and_service_are_lost(
    fresh_database: FreshDatabase, nats_server: RestartableNats, bus: Bus
) -> None:
    """What was accepted is in the stream together with its entry: whenever the server dies, both are there or none."""
    agents, mint = KnownAgents(), TokenMint()
    accepted: set[str] = set()
    for _ in range(3):
        async with running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as mail:
            agent = mail.agent()
            for number in range(40):
                accepted.add((await mail.send(agent, str(number))).message.id)
            await nats_server.kill()
        await nats_server.restart()
    async with running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as mail:
        found = await eventually(lambda: _all_of(mail, 120), within=30)
    assert {record.message.id for record in found} == accepted


async def _all_of(mail: MailService, count: int) -> Sequence[mailbox_pb2.MessageRecord]:
    found = await listing(mail, page_size=1000)
    assert len(found) == count, len(found)
    return found


@pytest.mark.capability("M7")
async def test_days_are_made_ahead_and_dropped_when_their_time_is_over(
    mail: MailService, open_database: OpenDatabase
) -> None:
    database = await open_database("orchestrator")
    today = datetime.now(UTC).date()

    async def days() -> list[str]:
        async with database.system_transaction() as connection:
            rows = await connection.fetch(
                "SELECT relname FROM pg_class WHERE relname LIKE 'messages_2%' AND relkind = 'r'"
            )
        return sorted(row["relname"] for row in rows)

    expected = [f"messages_{today + timedelta(days=number):%Y%m%d}" for number in range(8)]
    await eventually(lambda: _equals(days, expected))
    async with database.system_transaction() as connection:
        await connection.execute("SELECT ensure_message_partition($1)", today - timedelta(days=31))
        assert await connection.fetchval("SELECT drop_message_partitions($1)", today - timedelta(days=30)) == 1
    assert await days() == expected
    old = Timestamp()
    old.FromDatetime(datetime.now(UTC) - timedelta(days=40))
    assert await listing(mail, until=old) == []


async def _equals(read: Callable[[], Awaitable[list[str]]], expected: list[str]) -> bool:
    return await read() == expected
