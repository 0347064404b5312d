"""Many sends at once: grouped into atomic batches, each with a result of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from harness.databases import FreshDatabase
from harness.mailbox_service import MailAgent, MailService, running_mail_service, texts
from harness.nats_server import RestartableNats
from harness.refusal import read_refusal, refusal
from rookery.orchestrator.v1 import message_service_pb2, payload_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.topology import Topology, ensure_topology


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


def to(agent: MailAgent, text: str, **fields: object) -> message_service_pb2.SendMessageRequest:
    return message_service_pb2.SendMessageRequest(
        recipient_agent_id=agent.id,
        payload=payload_pb2.Payload(content_type="text/plain", data=text.encode()),
        **fields,  # type: ignore[arg-type]
    )


async def send_many(
    mail: MailService, *batches: Sequence[message_service_pb2.SendMessageRequest]
) -> list[message_service_pb2.SendResult]:
    """The results of all batches on one stream."""

    async def frames() -> AsyncIterator[message_service_pb2.SendMessagesRequest]:
        for batch in batches:
            yield message_service_pb2.SendMessagesRequest(messages=batch)

    call = mail.messages.SendMessages(frames(), metadata=mail.mint.bearer())
    return [result async for frame in call for result in frame.results]


def reason(result: message_service_pb2.SendResult) -> str:
    """Why a message was refused; empty: it was accepted."""
    return reason_of(result.error) if result.HasField("error") else ""


def reason_of(status: status_pb2.Status) -> str:
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return str(info.reason)


@pytest.mark.capability("M1")
async def test_a_time_that_is_none_is_named_with_its_place_in_the_batch(mail: MailService) -> None:
    good, bad = (to(mail.agent(name), "x") for name in ("ann", "ben"))
    bad.deliver_time.seconds = 10**18
    refused = await refusal(send_many(mail, [good, bad]))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert refused.fields == ("messages[1].deliver_time",)


async def test_batches_are_answered_in_order_and_delivered_in_order(mail: MailService) -> None:
    agent = mail.agent()
    batches = [[to(agent, f"{batch}-{number}") for number in range(40)] for batch in range(5)]
    results = await send_many(mail, *batches)
    assert len(results) == 200
    assert not [each for each in results if each.HasField("error") or each.duplicate]
    async with mail.receiving(agent, grant=200) as receiver:
        delivered = await receiver.deliveries(200)
    assert texts(delivered) == [f"{batch}-{number}" for batch in range(5) for number in range(40)]


@pytest.mark.capability("M1")
async def test_messages_one_by_one_and_in_batches_do_not_overtake_each_other(mail: MailService) -> None:
    agent = mail.agent()
    sizes = (*[1] * 40, 15, *[1] * 5, *[3] * 10, 9, 8, 20, *[1, 12] * 10, *[2] * 20)
    batches = [[to(agent, f"{batch}-{number}") for number in range(size)] for batch, size in enumerate(sizes)]
    results = await send_many(mail, *batches)
    assert len(results) == sum(sizes)
    assert not [each for each in results if each.HasField("error") or each.duplicate]
    async with mail.receiving(agent, grant=sum(sizes)) as receiver:
        delivered = await receiver.deliveries(sum(sizes))
    assert texts(delivered) == [f"{batch}-{number}" for batch, size in enumerate(sizes) for number in range(size)]


@pytest.mark.capability("M6")
@pytest.mark.capability("M9")
async def test_one_bad_message_is_in_nobodys_way(mail: MailService, bus: Bus) -> None:
    await ensure_topology(bus.jetstream, Topology(mailbox_messages=5))
    full, agent, stranger = mail.agent("full"), mail.agent(), MailAgent(str(uuid4()), "nobody", 1, ())
    known = str(uuid4())
    await send_many(mail, [to(full, str(number)) for number in range(5)], [to(agent, "known", message_id=known)])
    twice = str(uuid4())
    results = await send_many(
        mail,
        [
            to(agent, "first"),
            to(full, "no room"),
            to(stranger, "nobody there"),
            to(agent, "again", message_id=known),
            to(agent, "twice", message_id=twice),
            to(agent, "twice", message_id=twice),
            to(agent, "last"),
        ],
    )
    assert [reason(each) for each in results] == ["", "MAILBOX_FULL", "RECIPIENT_NOT_FOUND", "", "", "", ""]
    assert [each.duplicate for each in results] == [False, False, False, True, False, True, False]
    async with mail.receiving(agent, grant=10) as receiver:
        assert texts(await receiver.deliveries(4)) == ["known", "first", "twice", "last"]


@pytest.mark.capability("M9")
async def test_of_a_batch_that_fits_in_part_that_part_is_accepted_and_each_of_the_rest_is_refused(
    mail: MailService, bus: Bus
) -> None:
    """Left to itself the server may store that part of an atomic batch, and answer nothing at all."""
    await ensure_topology(bus.jetstream, Topology(mailbox_messages=3))
    for _ in range(8):
        full, other = mail.agent(), mail.agent()
        order = [full, other, full, full, full, other, full]
        results = await send_many(mail, [to(agent, str(place)) for place, agent in enumerate(order)])
        assert [reason(each) for each in results] == ["", "", "", "", "MAILBOX_FULL", "", "MAILBOX_FULL"]
        async with mail.receiving(full, grant=9) as receiver:
            assert texts(await receiver.deliveries(3)) == ["0", "2", "3"]


@pytest.mark.capability("M6")
async def test_ids_that_only_the_broker_knows_are_found_within_a_batch(
    mail: MailService, fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    agent = mail.agent()
    known = [str(uuid4()) for _ in range(3)]
    await send_many(mail, [to(agent, f"known {message_id}", message_id=message_id) for message_id in known])
    async with running_mail_service(fresh_database, nats_server, agents=mail.agents, mint=mail.mint) as replica:
        batch = [to(agent, f"new {number}") for number in range(20)]
        for place, message_id in zip((3, 9, 10), known, strict=True):
            batch.insert(place, to(agent, "again", message_id=message_id))
        results = await send_many(replica, batch)
        assert [index for index, each in enumerate(results) if each.duplicate] == [3, 9, 10]
        assert not [each for each in results if each.HasField("error")]
    async with mail.receiving(agent, grant=30) as receiver:
        delivered = texts(await receiver.deliveries(23))
    assert delivered[3:] == [f"new {number}" for number in range(20)]


async def test_single_sends_at_the_same_time_have_results_of_their_own(mail: MailService, bus: Bus) -> None:
    await ensure_topology(bus.jetstream, Topology(mailbox_messages=3))
    full, agent = mail.agent("full"), mail.agent()
    message_id = str(uuid4())
    outcomes = await asyncio.gather(
        *(mail.send(full) for _ in range(6)),
        *(mail.send(agent, message_id=message_id) for _ in range(3)),
        return_exceptions=True,
    )
    refused = [each for each in outcomes[:6] if isinstance(each, grpc.aio.AioRpcError)]
    assert [read_refusal(each).reason for each in refused] == ["MAILBOX_FULL"] * 3
    answers = [each for each in outcomes[6:] if isinstance(each, message_service_pb2.SendMessageResponse)]
    assert sorted(answer.duplicate for answer in answers) == [False, True, True]


async def test_a_batch_that_breaks_the_contract_ends_the_stream_after_the_results_before(mail: MailService) -> None:
    agent = mail.agent()
    answer = to(agent, "answer")
    answer.reply_address = str(uuid4())

    async def frames() -> AsyncIterator[message_service_pb2.SendMessagesRequest]:
        yield message_service_pb2.SendMessagesRequest(messages=[to(agent, "fine")])
        yield message_service_pb2.SendMessagesRequest(messages=[to(agent, "fine"), answer])

    call = mail.messages.SendMessages(frames(), metadata=mail.mint.bearer())
    answered = await call.read()
    assert isinstance(answered, message_service_pb2.SendMessagesResponse)
    assert [reason(each) for each in answered.results] == [""]
    refused = await refusal(call.read())
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")


@pytest.mark.capability("M1")
async def test_batches_under_way_when_the_bus_dies_are_refused_and_can_be_sent_again(
    mail: MailService, nats_server: RestartableNats
) -> None:
    agent = mail.agent()
    batch = [to(agent, str(number), message_id=str(uuid4())) for number in range(10)]
    await nats_server.kill()
    results = await send_many(mail, batch)
    assert {reason(each) for each in results} == {"BUS_UNAVAILABLE"}
    await nats_server.restart()
    while waiting := [each for each, result in zip(batch, results, strict=True) if result.HasField("error")]:
        batch, results = waiting, await send_many(mail, waiting)
    async with mail.receiving(agent, grant=20) as receiver:
        assert sorted(map(int, texts(await receiver.deliveries(10)))) == list(range(10))
        await mail.send(agent, "the last")
        assert texts([await receiver.delivery()]) == ["the last"]
