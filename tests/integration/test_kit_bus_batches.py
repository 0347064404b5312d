"""Atomic batches against a real server: stored all together or not at all."""

import asyncio
from collections.abc import Sequence

import pytest
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from nats.js.errors import NotFoundError
from rookery_kit.bus import (
    BatchAbandoned,
    Bus,
    BusUnavailable,
    DuplicateInBatch,
    PayloadTooLarge,
    Publication,
    StreamFull,
)
from rookery_kit.bus.subjects import event_subject, mail_subject
from rookery_kit.bus.topology import Topology, ensure_topology

FIRST = mail_subject("acme", "7", "normal")
SECOND = mail_subject("acme", "8", "normal")


def publications(*names: str, subject: str = FIRST, size: int = 1) -> list[Publication]:
    return [Publication(subject, name.encode() * size, message_id=name) for name in names]


async def stored(bus: Bus, stream: str = "MAIL") -> list[bytes]:
    state = (await bus.jetstream.stream_info(stream)).state
    if not state.messages:
        return []
    found: list[bytes] = []
    for sequence in range(state.first_seq, state.last_seq + 1):
        try:
            found.append((await bus.jetstream.get_msg(stream, sequence)).data or b"")
        except NotFoundError:
            continue
    return found


async def open_batch(bus: Bus, batch_id: str, sequences: Sequence[int]) -> None:
    """The beginning of a batch that nobody ends."""
    for sequence in sequences:
        headers = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(sequence)}
        await bus.client.publish(FIRST, b"begun", headers=headers)


@pytest.mark.capability("M1")
async def test_a_batch_is_stored_in_its_order(bus: Bus) -> None:
    await bus.publish_batch([*publications("a", "b"), *publications("c", subject=SECOND), *publications("d")])
    assert await stored(bus) == [b"a", b"b", b"c", b"d"]


async def test_a_batch_of_one_is_a_batch(bus: Bus) -> None:
    await bus.publish_batch(publications("a"))
    assert await stored(bus) == [b"a"]


async def test_a_batch_holds_a_thousand_messages_and_no_more(bus: Bus) -> None:
    await bus.publish_batch(publications(*map(str, range(1000))))
    assert len(await stored(bus)) == 1000
    with pytest.raises(ValueError, match="1001"):
        await bus.publish_batch(publications(*map(str, range(1001))))


@pytest.mark.capability("M6")
async def test_nothing_of_a_batch_is_stored_when_one_id_is_known(bus: Bus) -> None:
    await bus.publish(FIRST, b"a", message_id="a")
    with pytest.raises(DuplicateInBatch):
        await bus.publish_batch(publications("x", "a", "y"))
    assert await stored(bus) == [b"a"]


@pytest.mark.capability("M6")
async def test_nothing_of_a_batch_is_stored_when_an_id_comes_twice_in_it(bus: Bus) -> None:
    with pytest.raises(DuplicateInBatch):
        await bus.publish_batch(publications("x", "x"))
    assert await stored(bus) == []


@pytest.mark.capability("M6")
async def test_an_id_stored_in_a_batch_is_known_to_single_messages(bus: Bus) -> None:
    await bus.publish_batch(publications("a", "b"))
    assert await bus.publish(FIRST, b"b", message_id="b") is True


@pytest.mark.capability("M9")
async def test_nothing_of_a_batch_is_stored_when_one_mailbox_is_full(bus: Bus) -> None:
    await ensure_topology(bus.jetstream, Topology(mailbox_messages=2))
    await bus.publish_batch(publications("a", "b"))
    with pytest.raises(StreamFull) as full:
        await bus.publish_batch([*publications("c", subject=SECOND), *publications("d")])
    assert full.value.of_subject
    assert full.value.retry_after
    assert await stored(bus) == [b"a", b"b"]


@pytest.mark.capability("M9")
async def test_nothing_of_a_batch_is_stored_when_the_stream_has_no_room_for_all(bus: Bus) -> None:
    await ensure_topology(bus.jetstream, Topology(max_bytes=2048))
    with pytest.raises(StreamFull) as full:
        await bus.publish_batch(publications("a", "b", "c", "d", "e", size=500))
    assert not full.value.of_subject
    assert await stored(bus) == []


async def test_a_message_that_is_too_large_is_refused_before_anything_is_sent(bus: Bus) -> None:
    limit = bus.client.max_payload
    with pytest.raises(PayloadTooLarge):
        await bus.publish_batch([*publications("a"), Publication(FIRST, b"x" * limit, message_id="large")])
    with pytest.raises(PayloadTooLarge):
        await bus.publish(FIRST, b"x" * limit, message_id="large")
    assert await stored(bus) == []


async def test_messages_of_another_stream_spoil_a_batch(bus: Bus) -> None:
    with pytest.raises(BusUnavailable):
        await bus.publish_batch([*publications("a"), *publications("b", subject=event_subject("acme", "task", "7"))])
    assert await stored(bus) == []
    assert await stored(bus, "EVENT") == []


async def test_a_batch_with_a_gap_is_given_up_whole(bus: Bus) -> None:
    await open_batch(bus, "gap", [1])
    answer = await bus.client.request(
        FIRST, b"", headers={"Nats-Batch-Id": "gap", "Nats-Batch-Sequence": "3", "Nats-Batch-Commit": "1"}
    )
    assert b"10176" in answer.data
    assert await stored(bus) == []


async def test_batches_that_nobody_ends_leave_no_room_for_others_and_that_is_told(bus: Bus) -> None:
    for number in range(50):
        await open_batch(bus, f"open-{number}", [1])
    await bus.client.flush()
    with pytest.raises(BatchAbandoned):
        await bus.publish_batch(publications("a", "b"))
    assert await stored(bus) == []


@pytest.mark.capability("M1")
async def test_a_batch_that_a_restart_tore_apart_is_not_stored_and_can_be_published_again(
    bus: Bus, nats_server: RestartableNats
) -> None:
    await open_batch(bus, "torn", [1, 2])
    await bus.client.flush()
    renewed = asyncio.Event()
    bus.on_renewed(renewed.set)
    await nats_server.kill()
    await nats_server.restart()
    await asyncio.wait_for(renewed.wait(), 10)
    answer = await bus.client.request(
        FIRST, b"", headers={"Nats-Batch-Id": "torn", "Nats-Batch-Sequence": "3", "Nats-Batch-Commit": "1"}
    )
    assert b"10176" in answer.data
    await bus.publish_batch(publications("a", "b", "c"))
    assert await stored(bus) == [b"a", b"b", b"c"]


@pytest.mark.capability("M6")
async def test_a_batch_whose_outcome_is_unknown_is_published_again_and_stored_once(
    nats_server: RestartableNats,
) -> None:
    patient = await Bus.connect(nats_server.url(), name="patient", topology=Topology())
    try:
        # So short a time that the answer never comes in it, though the batch is stored.
        hasty = Bus(patient.client, publish_timeout=0.000001)
        with pytest.raises(BusUnavailable):
            await hasty.publish_batch(publications("a", "b"))

        async def arrived() -> bool:
            return await stored(patient) == [b"a", b"b"]

        await eventually(arrived)
        with pytest.raises(DuplicateInBatch):
            await patient.publish_batch(publications("a", "b"))
        await patient.publish_all(publications("a", "b", "c"))
        assert await stored(patient) == [b"a", b"b", b"c"]
    finally:
        await patient.close()


async def test_a_message_with_a_time_to_live_is_removed_by_the_server(bus: Bus) -> None:
    await bus.publish_batch(
        [Publication(FIRST, b"brief", message_id="brief", time_to_live=1), *publications("lasting")]
    )

    async def expired() -> bool:
        return await stored(bus) == [b"lasting"]

    await eventually(expired)
