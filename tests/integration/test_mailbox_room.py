"""How much mail may wait."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.mailbox_service import QUICK, MailService, running_mail_service
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from rookery_kit.bus import Bus
from rookery_kit.clock import SystemClock
from rookery_orchestrator.mailbox.tenant_room import TenantRoom


@dataclass(frozen=True)
class Quotas:
    max_mailbox_messages: int = 0
    max_mailbox_bytes: int = 0


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server, policy=replace(QUICK, most_delayed=2)) as service:
        yield service


@pytest.mark.capability("M9")
async def test_a_tenant_has_room_for_as_many_messages_as_its_quota_says(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    for _ in range(3):
        await mail.send(agent)
    room = TenantRoom(bus, SystemClock(), lambda _: Quotas(max_mailbox_messages=5))
    await room.look({"default"})
    assert [room.take("default", 10) is None for _ in range(3)] == [True, True, False]
    refused = room.take("default", 10)
    assert refused is not None
    assert refused.reason == "MAILBOX_FULL"
    assert refused.quota_violations == (("tenant:default", "the quota max_mailbox_messages is 5"),)
    assert refused.retry_after


@pytest.mark.capability("M9")
async def test_a_tenant_has_room_for_about_as_many_bytes_as_its_quota_says(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    for _ in range(4):
        await mail.send(agent, "x" * 10_000)
    room = TenantRoom(bus, SystemClock(), lambda _: Quotas(max_mailbox_bytes=60_000))
    await room.look({"default"})
    taken = 0
    while room.take("default", 10_000) is None:
        taken += 1
    assert 1 <= taken <= 4


async def test_a_tenant_without_quotas_is_not_counted(bus: Bus) -> None:
    room = TenantRoom(bus, SystemClock(), lambda _: Quotas())
    await room.look({"default"})
    assert [room.take("default", 10**9) for _ in range(100)] == [None] * 100


@pytest.mark.capability("M9")
async def test_there_is_room_again_when_mail_is_gone(mail: MailService, bus: Bus) -> None:
    agent = mail.agent()
    for _ in range(2):
        await mail.send(agent)
    room = TenantRoom(bus, SystemClock(), lambda _: Quotas(max_mailbox_messages=2))
    await room.look({"default"})
    assert room.take("default", 10) is not None
    async with mail.receiving(agent, grant=2) as receiver:
        await receiver.ack(*await receiver.deliveries(2))

    async def has_room() -> bool:
        await room.look({"default"})
        return room.take("default", 10) is None

    await eventually(has_room)


@pytest.mark.capability("M9")
async def test_what_waits_for_its_time_is_limited_for_each_agent(mail: MailService) -> None:
    agent, other = mail.agent(), mail.agent("other")
    later = Timestamp()
    later.GetCurrentTime()
    later.seconds += 3600
    for _ in range(2):
        await mail.send(agent, deliver_time=later)
    refused = await refusal(mail.send(agent, deliver_time=later))
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MAILBOX_FULL")
    await mail.send(other, deliver_time=later)
