from collections.abc import Callable
from dataclasses import replace

import pytest
from harness.eventually import eventually
from harness.free_ports import free_port
from harness.nats_server import RestartableNats
from nats.js.api import RetentionPolicy, StreamConfig
from rookery_kit.bus import Bus, BusUnavailable, StreamFull
from rookery_kit.bus.subjects import dead_letter_subject, event_subject, mail_subject
from rookery_kit.bus.topology import Topology, TopologyMismatch, ensure_topology, require_max_payload


async def declared(bus: Bus) -> dict[str, StreamConfig]:
    return {str(stream.config.name): stream.config for stream in await bus.jetstream.streams_info()}


@pytest.mark.capability("M1")
async def test_a_start_declares_every_stream_and_a_second_one_changes_nothing(bus: Bus) -> None:
    before = await declared(bus)
    assert set(before) == {stream.name for stream in Topology().streams()}
    assert set(before) >= {"MAIL", "TOPIC", "EVENT", "DLQ", "IDENTITY"}
    assert before["MAIL"].retention == RetentionPolicy.WORK_QUEUE
    assert before["DLQ"].retention == RetentionPolicy.LIMITS
    await ensure_topology(bus.jetstream, Topology())
    assert await declared(bus) == before


async def test_settings_that_may_change_are_brought_in_line(bus: Bus) -> None:
    await ensure_topology(bus.jetstream, Topology(max_bytes=64 * 1024 * 1024))
    assert {config.max_bytes for config in (await declared(bus)).values()} == {64 * 1024 * 1024}


async def test_a_stream_of_another_kind_is_left_alone_and_refused(bus: Bus, nats_server: RestartableNats) -> None:
    mail = (await declared(bus))["MAIL"]
    await bus.jetstream.delete_stream("MAIL")
    await bus.jetstream.add_stream(replace(mail, retention=RetentionPolicy.LIMITS))
    with pytest.raises(TopologyMismatch, match="MAIL"):
        await Bus.connect(nats_server.url(), name="test", topology=Topology())
    assert (await declared(bus))["MAIL"].retention == RetentionPolicy.LIMITS


@pytest.mark.capability("M6")
async def test_a_message_sent_again_under_its_id_is_a_duplicate(bus: Bus) -> None:
    subject = mail_subject("acme", "7", "high")
    assert await bus.publish(subject, b"once", message_id="m") is False
    assert await bus.publish(subject, b"once", message_id="m") is True
    assert (await bus.jetstream.stream_info("MAIL")).state.messages == 1


@pytest.mark.parametrize(
    ("subject", "stream"),
    [
        (mail_subject("acme", "7", "low"), "MAIL"),
        (event_subject("acme", "task", "7"), "EVENT"),
        (dead_letter_subject("acme", "7"), "DLQ"),
    ],
)
async def test_every_subject_belongs_to_its_stream(bus: Bus, subject: str, stream: str) -> None:
    await bus.publish(subject, b"payload", message_id="m")
    assert (await bus.jetstream.get_last_msg(stream, subject)).data == b"payload"


async def test_a_subject_of_no_stream_is_an_outage_and_not_a_silent_loss(bus: Bus) -> None:
    with pytest.raises(BusUnavailable):
        await bus.publish("rk.acme.nowhere", b"", message_id="m")


@pytest.mark.capability("M9")
async def test_a_full_stream_takes_no_more_mail_and_says_so(bus: Bus) -> None:
    await ensure_topology(bus.jetstream, Topology(max_bytes=2048))
    subject = mail_subject("acme", "7", "normal")
    with pytest.raises(StreamFull):
        await publish_in_turn(bus, subject, 10)
    assert 0 < (await bus.jetstream.stream_info("MAIL")).state.messages < 10


async def publish_in_turn(bus: Bus, subject: str, count: int) -> None:
    for number in range(count):
        await bus.publish(subject, b"x" * 500, message_id=str(number))


async def test_an_outage_is_said_at_once_and_over_when_the_server_is_back(
    nats_server: RestartableNats, bus: Bus
) -> None:
    await bus.ping()
    await nats_server.kill()
    await eventually(lambda: not bus.client.is_connected)
    with pytest.raises(BusUnavailable):
        await bus.ping()
    await nats_server.restart()
    await eventually(bus_answers(bus), retry=(BusUnavailable,))
    assert await bus.publish(event_subject("acme", "agent", "7"), b"", message_id="after") is False


def bus_answers(bus: Bus) -> Callable[[], object]:
    async def answers() -> bool:
        await bus.ping()
        return True

    return answers


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(BusUnavailable, match="does not answer"):
        await Bus.connect(f"nats://127.0.0.1:{free_port()}", name="test", topology=Topology())


async def test_a_wrong_password_is_unavailable(nats_server: RestartableNats) -> None:
    with pytest.raises(BusUnavailable, match="Authorization Violation"):
        await Bus.connect(nats_server.url().replace(":only-for-tests@", ":wrong@"), name="test", topology=Topology())


def test_a_server_that_takes_no_messages_as_large_as_they_may_be_is_refused() -> None:
    require_max_payload(2 * 1024 * 1024)
    with pytest.raises(TopologyMismatch, match="set its max_payload to 2097152"):
        require_max_payload(1024 * 1024)
