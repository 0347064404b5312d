"""A few messages published each by itself, against a real server."""

import asyncio
from collections.abc import Sequence

import pytest
from harness.nats_server import RestartableNats
from nats.aio.msg import Msg
from rookery_kit.bus import Bus, BusUnavailable, Publication, StreamFull
from rookery_kit.bus.bulk_client import BulkClient, Question
from rookery_kit.bus.subjects import mail_subject
from rookery_kit.bus.topology import Topology, ensure_topology

SUBJECT = mail_subject("acme", "7", "normal")
OTHER = mail_subject("acme", "8", "normal")


def publications(*names: str, subject: str = SUBJECT) -> list[Publication]:
    return [Publication(subject, name.encode(), message_id=name) for name in names]


async def stored(bus: Bus, sequences: Sequence[int]) -> list[bytes]:
    return [(await bus.jetstream.get_msg("MAIL", sequence)).data or b"" for sequence in sequences]


@pytest.mark.capability("M1")
async def test_each_is_stored_in_its_order(bus: Bus) -> None:
    names = [str(number) for number in range(20)]
    assert await bus.publish_each(publications(*names)) == [False] * 20
    assert await stored(bus, range(1, 21)) == [name.encode() for name in names]


@pytest.mark.capability("M6")
async def test_an_id_that_is_known_is_told_and_keeps_nothing_else_out(bus: Bus) -> None:
    await bus.publish(SUBJECT, b"b", message_id="b")
    assert await bus.publish_each(publications("a", "b", "c", "c")) == [False, True, False, True]
    assert await stored(bus, [1, 2, 3]) == [b"b", b"a", b"c"]


@pytest.mark.capability("M8")
async def test_one_mailbox_that_is_full_keeps_nothing_else_out(bus: Bus) -> None:
    await ensure_topology(bus.jetstream, Topology(mailbox_messages=2))
    batch = [*publications("a", "b", "c"), *publications("d", subject=OTHER)]
    first, second, third, fourth = await bus.publish_each(batch)
    assert [first, second, fourth] == [False, False, False]
    assert isinstance(third, StreamFull)
    assert third.of_subject


async def test_nothing_is_raised_where_nobody_stores_it(bus: Bus) -> None:
    (outcome,) = await bus.publish_each([Publication("nobody.listens", b"x")])
    assert isinstance(outcome, BusUnavailable)


@pytest.mark.capability("M1")
async def test_nothing_is_raised_while_the_bus_is_away(nats_server: RestartableNats) -> None:
    bus = await Bus.connect(nats_server.url("auth"), name="probe", topology=Topology(), publish_timeout=0.5)
    try:
        await nats_server.kill()
        outcomes = await bus.publish_each(publications("a", "b"))
        assert [type(outcome) for outcome in outcomes] == [BusUnavailable] * 2
    finally:
        await nats_server.restart()
        await bus.close()


async def test_every_question_has_its_own_answer_and_none_after_its_time(bus: Bus) -> None:
    client = bus.client
    assert isinstance(client, BulkClient)

    async def answered(message: Msg) -> None:
        if message.data != b"silence":
            await message.respond(message.data * 2)

    await client.subscribe("echo", cb=answered)
    asked = [Question("echo", {"number": name}, name.encode()) for name in ("a", "silence", "b")]
    several = await asyncio.gather(*(client.ask_all(asked, timeout=0.3) for _ in range(3)))
    for answers in several:
        assert [answer and answer.data for answer in answers] == [b"aa", None, b"bb"]
    assert not client._resp_map, "what is over is expected no longer"
