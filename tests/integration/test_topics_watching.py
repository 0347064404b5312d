"""A topic is watched without being joined, and a watch goes on where it stood."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.mailbox_service import MailService, running_mail_service
from harness.nats_server import RestartableNats
from harness.refusal import read_refusal
from rookery.orchestrator.v1 import payload_pb2, topic_service_pb2

pytestmark = pytest.mark.capability("M4")
_SECONDS = 20.0


@pytest.fixture
async def service(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as running:
        await running.topics.CreateTopic(
            topic_service_pb2.CreateTopicRequest(topic="news"), metadata=running.mint.bearer()
        )
        yield running


async def publish(service: MailService, *texts: str) -> None:
    for text in texts:
        payload = payload_pb2.Payload(content_type="text/plain", data=text.encode())
        request = topic_service_pb2.PublishRequest(topic="news", payload=payload)
        await service.topics.Publish(request, metadata=service.mint.bearer())


class Watch:
    def __init__(self, service: MailService, **start: Any) -> None:
        request = topic_service_pb2.SubscribeRequest(topic="news", **start)
        self.call: Any = service.topics.Subscribe(request, metadata=service.mint.bearer())

    async def opened(self) -> "Watch":
        assert (await asyncio.wait_for(self.call.read(), _SECONDS)).HasField("opened")
        return self

    async def next(self) -> tuple[int, str]:
        publication = (await asyncio.wait_for(self.call.read(), _SECONDS)).publication
        return publication.sequence, publication.message.payload.data.decode()


async def test_a_watch_tells_of_what_is_published_from_now_on(service: MailService) -> None:
    await publish(service, "before")
    watch = await Watch(service).opened()
    await publish(service, "one", "two")
    assert [(await watch.next())[1] for _ in range(2)] == ["one", "two"]


async def test_a_watch_goes_on_after_the_last_sequence_seen(service: MailService) -> None:
    await publish(service, "one", "two", "three")
    watch = await Watch(service, after_sequence=0).opened()
    sequence, text = await watch.next()
    assert text == "one"
    watch.call.cancel()
    again = await Watch(service, after_sequence=sequence).opened()
    assert [(await again.next())[1] for _ in range(2)] == ["two", "three"]


async def test_a_watch_begins_at_a_moment(service: MailService) -> None:
    await publish(service, "before")
    moment = datetime.now(UTC)
    await publish(service, "after")
    watch = await Watch(service, since=moment).opened()
    assert (await watch.next())[1] == "after"


@pytest.mark.parametrize("year", [1, 2262, 2263, 9999])
async def test_a_watch_begins_at_a_moment_however_far_off(service: MailService, year: int) -> None:
    await publish(service, "before")
    watch = await Watch(service, since=datetime(year, 12, 31, tzinfo=UTC)).opened()
    if year == 1:
        assert (await watch.next())[1] == "before"
        return
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watch.next(), 0.3)


async def test_a_watch_outlives_a_restart_of_the_bus(service: MailService, nats_server: RestartableNats) -> None:
    watch = await Watch(service).opened()
    await publish(service, "one")
    assert (await watch.next())[1] == "one"
    await nats_server.kill()
    await nats_server.restart()
    await publish(service, "two")
    assert (await watch.next())[1] == "two"


async def test_watchers_of_one_topic_hear_nothing_of_another_and_nothing_of_its_namesake(
    service: MailService,
) -> None:
    administrator = service.mint.bearer()
    await publish(service, "old")
    await service.topics.DeleteTopic(topic_service_pb2.DeleteTopicRequest(topic="news"), metadata=administrator)
    await service.topics.CreateTopic(topic_service_pb2.CreateTopicRequest(topic="news"), metadata=administrator)
    await service.topics.CreateTopic(topic_service_pb2.CreateTopicRequest(topic="other"), metadata=administrator)
    watch = await Watch(service, after_sequence=0).opened()
    await service.topics.Publish(topic_service_pb2.PublishRequest(topic="other"), metadata=administrator)
    await publish(service, "new")
    assert (await watch.next())[1] == "new"


async def test_the_watch_of_a_topic_that_is_not_there_is_refused(service: MailService) -> None:
    request = topic_service_pb2.SubscribeRequest(topic="nothing")
    call = service.topics.Subscribe(request, metadata=service.mint.bearer())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert read_refusal(caught.value).reason == "TOPIC_NOT_FOUND"
