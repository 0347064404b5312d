"""What the bus does its own way with nats-py's client, held against the client as it is, over a real server."""

import asyncio
import os
import signal
from collections.abc import Mapping

import psutil
import pytest
import uvloop
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import BadHeaderError, OutboundBufferLimitError
from rookery_kit.bus import Bus, BusUnavailable, Publication
from rookery_kit.bus.atomic_batch import publish_batch
from rookery_kit.bus.bulk_client import BulkClient, Frame, Question

SUBJECT = "rk.acme.event.probe.1"
HEADERS = {"Nats-Msg-Id": "acme/agent:7/1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}


async def exchange(bus: Bus, server: RestartableNats, headers: Mapping[str, str], payload: bytes) -> list[Msg]:
    """The same message as nats-py publishes it and as a frame, as nats-py receives both."""
    plain = Client()
    await plain.connect(server.url("auth"))
    try:
        subscription = await plain.subscribe(SUBJECT)
        await plain.flush()
        await bus.client.publish(SUBJECT, payload, headers=dict(headers))
        await bus.client.publish_frames([Frame(SUBJECT, headers, payload)])
        return [await subscription.next_msg(timeout=5) for _ in range(2)]
    finally:
        await plain.close()


@pytest.mark.parametrize("payload", [b"", b"text", bytes(range(256)) * 300])
async def test_a_frame_is_what_the_client_would_have_published(
    bus: Bus, nats_server: RestartableNats, payload: bytes
) -> None:
    usual, framed = await exchange(bus, nats_server, HEADERS, payload)
    assert (framed.subject, framed.data, framed.headers) == (usual.subject, usual.data, usual.headers)
    assert framed.headers == HEADERS
    assert framed.data == payload


async def test_headers_that_nobody_has_looked_at_yet_read_as_the_client_reads_them(bus: Bus) -> None:
    subscription = await bus.client.subscribe(SUBJECT)
    await bus.client.publish_frames([Frame(SUBJECT, HEADERS, b"x")] * 2)
    messages = [await subscription.next_msg(timeout=5) for _ in range(2)]
    for message in messages:
        assert message.headers is not None
        assert dict(message.headers) == HEADERS
        assert message.headers.get("traceparent") == HEADERS["traceparent"]
        assert message.headers.get("Status") is None
        assert len(message.headers) == 2


async def test_the_word_of_the_server_in_place_of_headers_is_read(bus: Bus) -> None:
    inbox = bus.client.new_inbox()
    subscription = await bus.client.subscribe(inbox)
    await bus.client.publish("nobody.listens", b"", reply=inbox)
    answer = await subscription.next_msg(timeout=5)
    assert answer.headers is not None
    assert answer.headers["Status"] == "503"


@pytest.mark.parametrize(
    ("subject", "headers"),
    [
        ("a 0\r\nPUB b", {"x": "y"}),
        (SUBJECT, {"x": "y\r\nNats-Msg-Id: other"}),
        (SUBJECT, {"x\r\ny": "z"}),
    ],
)
def test_a_line_break_makes_no_second_message(subject: str, headers: dict[str, str]) -> None:
    with pytest.raises(BadHeaderError):
        Frame(subject, headers, b"")


async def test_after_a_flush_that_was_given_up_the_client_goes_on_reading(
    bus: Bus, nats_server: RestartableNats
) -> None:
    client = bus.client
    assert isinstance(client, BulkClient)
    os.kill(nats_server.pid, signal.SIGSTOP)
    process = psutil.Process(nats_server.pid)
    await eventually(lambda: process.status() == psutil.STATUS_STOPPED)
    try:
        with pytest.raises(TimeoutError):
            await client.flush(timeout=0.2)  # type: ignore[arg-type] # it waits so long; a fraction will do
    finally:
        os.kill(nats_server.pid, signal.SIGCONT)
    await client.flush()
    subscription = await client.subscribe(SUBJECT)
    await client.publish(SUBJECT, b"heard")
    assert (await subscription.next_msg(timeout=5)).data == b"heard"


async def test_what_is_heard_is_handed_over_in_order_and_kept_nowhere(bus: Bus) -> None:
    heard: list[bytes] = []
    subscription = await bus.client.hear(SUBJECT, lambda message: heard.append(message.data))
    await bus.client.publish_frames([Frame(SUBJECT, {}, str(number).encode()) for number in range(100)])
    await eventually(lambda: len(heard) == 100)
    assert heard == [str(number).encode() for number in range(100)]
    assert (subscription.pending_msgs, subscription.pending_bytes) == (0, 0)
    await subscription.unsubscribe()
    await bus.client.publish(SUBJECT, b"unheard")
    await bus.client.flush()
    assert len(heard) == 100


async def test_a_taker_that_fails_keeps_nobody_from_reading_on(bus: Bus) -> None:
    heard: list[bytes] = []

    def take(message: Msg) -> None:
        heard.append(message.data)
        if message.data == b"bad":
            raise ValueError

    await bus.client.hear(SUBJECT, take)
    for data in (b"bad", b"good"):
        await bus.client.publish(SUBJECT, data)
    await eventually(lambda: heard == [b"bad", b"good"])


async def test_who_hears_goes_on_hearing_when_the_connection_is_another(bus: Bus, nats_server: RestartableNats) -> None:
    heard: list[bytes] = []
    await bus.client.hear(SUBJECT, lambda message: heard.append(message.data))
    assert await bus.client.ask_all([Question("nobody.listens", {}, b"")], timeout=5) != [None]
    await nats_server.kill()
    await nats_server.restart()
    await eventually(lambda: bus.client.is_connected)
    await bus.client.publish_frames([Frame(SUBJECT, {}, b"after")])
    await eventually(lambda: heard == [b"after"])
    assert await bus.client.ask_all([Question("nobody.listens", {}, b"")], timeout=5) != [None]


async def test_frames_follow_what_the_client_was_given_before(bus: Bus) -> None:
    heard: list[bytes] = []
    await bus.client.hear(SUBJECT, lambda message: heard.append(message.data))
    for number in range(0, 100, 2):
        await bus.client.publish(SUBJECT, str(number).encode())
        await bus.client.publish_frames([Frame(SUBJECT, {}, str(number + 1).encode())])
    await eventually(lambda: len(heard) == 100)
    assert heard == [str(number).encode() for number in range(100)]


async def test_what_a_closed_connection_does_not_take_goes_over_the_next(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    await bus.client.hear(SUBJECT, lambda message: heard.append(message.data))
    await bus.client.flush()

    def closed(_payload: bytes) -> None:
        raise RuntimeError("unable to perform operation; the handler is closed")

    with monkeypatch.context() as patched:
        patched.setattr(bus.client._transport, "write", closed)
        await bus.client.publish_frames([Frame(SUBJECT, {}, b"first")])
    await bus.client.publish_frames([Frame(SUBJECT, {}, b"second")])
    await eventually(lambda: heard == [b"first", b"second"])


async def test_on_the_loop_of_the_services_a_connection_that_breaks_is_nobody_s_error(
    nats_server: RestartableNats,
) -> None:
    heard: list[bytes] = []

    async def break_and_publish() -> None:
        client = BulkClient()
        await client.connect(nats_server.url("auth"), max_reconnect_attempts=-1, reconnect_time_wait=1)
        try:
            await client.hear(SUBJECT, lambda message: heard.append(message.data))
            await client.flush()
            assert client._transport is not None
            client._transport.close()  # type: ignore[no-untyped-call]
            for _ in range(50):
                await client.publish_frames([Frame(SUBJECT, {}, b"lost, or not")])
            await eventually(lambda: client.is_connected)
            await client.publish_frames([Frame(SUBJECT, {}, b"last")])
            await eventually(lambda: b"last" in heard)
        finally:
            await client.close()

    await asyncio.to_thread(uvloop.run, break_and_publish())


async def test_a_server_that_does_not_read_keeps_no_question_longer_than_it_may_take(
    bus: Bus, nats_server: RestartableNats
) -> None:
    process = psutil.Process(nats_server.pid)
    inbox = bus.client.new_inbox()
    os.kill(nats_server.pid, signal.SIGSTOP)
    await eventually(lambda: process.status() == psutil.STATUS_STOPPED)
    try:
        async with asyncio.timeout(10):
            for _ in range(8):
                assert await bus.client.ask_all([Question(inbox, {}, bytes(900_000))], timeout=0.1) == [None]
    finally:
        os.kill(nats_server.pid, signal.SIGCONT)


async def test_of_questions_those_without_an_answer_in_time_have_none(bus: Bus) -> None:
    asked = bus.client.new_inbox()
    await bus.client.subscribe(asked, cb=_answer_even_ones)
    questions = [Question(asked, {}, str(number).encode()) for number in range(6)]
    answers = await bus.client.ask_all(questions, timeout=0.5)
    assert [answer and answer.data for answer in answers] == [b"0", None, b"2", None, b"4", None]


async def _answer_even_ones(question: Msg) -> None:
    if int(question.data) % 2 == 0:
        await question.respond(question.data)


async def test_what_waits_for_a_connection_is_bounded_and_the_rest_is_refused(
    bus: Bus, nats_server: RestartableNats
) -> None:
    await nats_server.kill()
    await eventually(lambda: not bus.client.is_connected)
    batch = [Publication(SUBJECT, bytes(100_000)) for _ in range(5)]
    for _ in range(20):
        with pytest.raises(BusUnavailable):
            await publish_batch(bus.client, batch, batch_id="waits", timeout=0.01)
    assert 0 < bus.client.pending_data_size <= 2 * 1024 * 1024
    with pytest.raises(OutboundBufferLimitError):
        await bus.client.ask_all([Question(SUBJECT, {}, bytes(1_900_000))] * 2, timeout=5)
    await nats_server.restart()
    await eventually(lambda: bus.client.is_connected)
    assert await bus.publish(SUBJECT, b"after", message_id="after") is False


async def test_who_asked_over_a_connection_that_is_lost_hears_of_it_at_once(
    bus: Bus, nats_server: RestartableNats
) -> None:
    asked: list[bytes] = []
    await bus.client.hear("somebody.listens", lambda message: asked.append(message.data))
    asking = asyncio.create_task(bus.client.ask_all([Question("somebody.listens", {}, b"?")], timeout=100))
    await eventually(lambda: asked)
    await nats_server.kill()
    assert await asyncio.wait_for(asking, 10) == [None]
