"""Dead letters are listed, shown with every attempt, and seen by whom they concern."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from harness.databases import FreshDatabase
from harness.dead_letters import DeadLetterDesk, exhaust, kill_letters
from harness.free_ports import free_address
from harness.mailbox_service import (
    QUICK,
    KnownAgents,
    MailService,
    mail_service_at,
    nacked,
    running_mail_service,
    text,
    texts,
)
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tokens import TokenMint
from rookery.orchestrator.v1 import dead_letter_pb2, message_service_pb2
from rookery_kit.rpc import open_channel

RECEIVER_LOST = dead_letter_pb2.DELIVERY_OUTCOME_RECEIVER_LOST


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


@pytest.mark.capability("M3")
async def test_a_dead_letter_is_shown_with_every_attempt_and_where_it_failed(mail: MailService) -> None:
    agent, desk = mail.agent(), DeadLetterDesk(mail)
    await mail.send(agent, "poison", type="order", correlation_id="c-1")
    client = mail.receiver(agent)
    opening = message_service_pb2.OpenMailbox(session_epoch=agent.session_epoch, agent_version="2.1.0")
    await client.send(open=opening)
    await client.opened()
    await client.grant(5)
    for attempt in range(1, QUICK.max_deliveries + 1):
        delivery = await client.delivery()
        refused = nacked(delivery, delay=Duration(), reason=f"failed {attempt}", handler="read_order")
        await client.settle(refused)
        await client.settled()
    client.call.cancel()
    (listed,) = await desk.listed(1)
    assert (listed.reason, listed.detail, listed.deliveries) == ("MAX_DELIVERIES", "failed 3", 3)
    assert (listed.handler, listed.agent_version) == ("read_order", "2.1.0")
    assert (listed.message.type, listed.message.correlation_id, listed.message.payload.data) == ("order", "c-1", b"")
    assert listed.state == dead_letter_pb2.DEAD_LETTER_STATE_DEAD
    assert not listed.attempts
    whole = await desk.get(listed.id)
    assert whole.message.payload.data == b"poison"
    told = [
        (each.delivery, each.reason, each.handler, each.agent_version, each.session_epoch) for each in whole.attempts
    ]
    assert told == [(number, f"failed {number}", "read_order", "2.1.0", 1) for number in (1, 2, 3)]
    assert {each.outcome for each in whole.attempts} == {dead_letter_pb2.DELIVERY_OUTCOME_REFUSED}
    times = [each.end_time.ToNanoseconds() for each in whole.attempts]
    assert times == sorted(times)


@pytest.mark.capability("M3")
async def test_attempts_are_remembered_when_the_orchestrator_is_replaced(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    agents, mint = KnownAgents(), TokenMint()
    async with running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as first:
        agent = first.agent()
        await first.send(agent, "poison")
        await exhaust(first, agent, 1, handler="early")
    async with running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as second:
        await exhaust(second, agent, 2, handler="late")
        (listed,) = await DeadLetterDesk(second).listed(1)
        whole = await DeadLetterDesk(second).get(listed.id)
        assert [each.handler for each in whole.attempts] == ["early", "late", "late"]


@pytest.mark.capability("M3")
async def test_dead_letters_are_filtered_and_paged_newest_first(mail: MailService) -> None:
    desk, ann, bob = DeadLetterDesk(mail), mail.agent("ann"), mail.agent("bob")
    await kill_letters(mail, ann, "1", "2", "3", type="order")
    await kill_letters(mail, bob, "4", type="note")
    everything = await desk.listed(4)
    assert [each.detail[-1] for each in everything] == ["4", "3", "2", "1"]
    first = await desk.list(page_size=3)
    second = await desk.list(page_size=3, page_token=first.next_page_token)
    assert [each.id for each in (*first.dead_letters, *second.dead_letters)] == [each.id for each in everything]
    assert second.next_page_token == ""
    for filter_, expected in {
        f'agent_id = "{bob.id}"': ["4"],
        'type = "order"': ["3", "2", "1"],
        'reason = "MAX_DELIVERIES"': [],
        'sender = "user:*" AND NOT type = "order"': ["4"],
        f'create_time >= "{everything[1].create_time.ToJsonString()}"': ["4", "3"],
    }.items():
        assert [each.detail[-1] for each in (await desk.list(filter_)).dead_letters] == expected, filter_
    wrong = await refusal(desk.list("payload = 1"))
    assert (wrong.code, wrong.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FILTER")
    foreign = await refusal(desk.list('type = "order"', page_token=first.next_page_token))
    assert foreign.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.capability("A6")
async def test_an_agent_sees_the_dead_letters_of_its_own_mailbox_alone(mail: MailService) -> None:
    ann, bob = mail.agent("ann"), mail.agent("bob")
    await kill_letters(mail, ann, "for ann")
    await kill_letters(mail, bob, "for bob")
    of_ann, of_bob = sorted(await DeadLetterDesk(mail).listed(2), key=lambda each: each.detail)
    as_ann = DeadLetterDesk(mail, mail.mint.bearer(subject=f"agent:{ann.id}", permissions=("dead_letters:read",)))
    assert [each.id for each in (await as_ann.list()).dead_letters] == [of_ann.id]
    assert (await as_ann.get(of_ann.id)).id == of_ann.id
    hidden = await refusal(as_ann.get(of_bob.id))
    assert (hidden.code, hidden.reason) == (grpc.StatusCode.NOT_FOUND, "DEAD_LETTER_NOT_FOUND")
    other_tenant = DeadLetterDesk(mail, mail.mint.bearer(tenant="other"))
    assert not (await other_tenant.list()).dead_letters
    assert (await refusal(other_tenant.get(of_ann.id))).reason == "DEAD_LETTER_NOT_FOUND"


@pytest.mark.capability("M3")
async def test_messages_are_not_given_up_because_their_receiver_crashed_while_they_waited(mail: MailService) -> None:
    """One message ends every receiver that gets it; those that are in flight beside it are innocent."""
    agent, desk = mail.agent(), DeadLetterDesk(mail)
    for name in ("before", "poison", "after"):
        await mail.send(agent, name)
    handled: list[str] = []
    crashes = 0
    dead = asyncio.create_task(desk.listed(1))
    while not dead.done():
        async with mail.receiving(agent, grant=10) as receiver:
            arriving = asyncio.create_task(receiver.delivery())
            await asyncio.wait({dead, arriving}, return_when=asyncio.FIRST_COMPLETED)
            if not arriving.done():
                arriving.cancel()
                break
            batch = [arriving.result(), *await receiver.deliveries(receiver.undelivered)]
            if "poison" in texts(batch):
                crashes += 1
                continue
            await receiver.ack(*batch)
            handled += texts(batch)
    assert sorted(handled) == ["after", "before"]
    (listed,) = await dead
    whole = await desk.get(listed.id)
    assert (whole.message.payload.data, whole.reason) == (b"poison", "MAX_DELIVERIES")
    # At the worst as often as is allowed with the others, and as often alone.
    assert crashes <= 2 * QUICK.max_deliveries
    assert [each.outcome for each in whole.attempts] == [RECEIVER_LOST] * QUICK.max_deliveries


@pytest.mark.capability("M3")
async def test_a_service_that_stops_counts_no_failed_delivery(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    agents, mint, agent, address = KnownAgents(), TokenMint(), None, free_address()
    # It outlives each service, so it is the service that ends the stream.
    channel = open_channel(address)
    service = mail_service_at(channel, mint, agents)
    for _ in range(QUICK.max_deliveries + 2):
        async with running_mail_service(fresh_database, nats_server, agents=agents, mint=mint, listen=address):
            if agent is None:
                agent = service.agent()
                await service.send(agent, "long work")
            receiver = service.receiver(agent)
            await receiver.open(agent)
            await receiver.opened()
            await receiver.grant(1)
            delivery = await receiver.delivery()
            assert text(delivery) == "long work"
    await channel.close()
    assert delivery.attempt == QUICK.max_deliveries + 2
