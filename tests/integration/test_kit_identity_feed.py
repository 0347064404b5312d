"""A service follows what auth says about callers, over a real NATS."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from rookery.auth.v1 import tenant_pb2
from rookery.events.v1 import identity_pb2
from rookery_kit.bus import Bus, BusUnavailable
from rookery_kit.bus.subjects import beat_subject, revocation_subject, standing_subject
from rookery_kit.bus.topology import IDENTITY_STREAM
from rookery_kit.clock import SystemClock
from rookery_kit.identity_feed import Admission, IdentityFeed


@dataclass
class Follower:
    """A feed that runs, and what it told."""

    admission: Admission
    feed: IdentityFeed
    kids: list[list[str]] = field(default_factory=list)
    narrowed: int = 0


@asynccontextmanager
async def following(bus: Bus) -> AsyncIterator[Follower]:
    clock = SystemClock()
    admission = Admission(clock, stale_after=300)

    async def on_keys(kids: Sequence[str]) -> None:
        follower.kids.append(list(kids))

    def on_narrowed() -> None:
        follower.narrowed += 1

    feed = IdentityFeed(bus, admission, clock, on_keys=on_keys, on_narrowed=on_narrowed)
    follower = Follower(admission, feed)
    running = asyncio.create_task(feed.run())
    try:
        yield follower
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def say_revoked(bus: Bus, target: str) -> None:
    now, end = Timestamp(), Timestamp()
    now.GetCurrentTime()
    end.FromSeconds(now.seconds + 600)
    message = identity_pb2.Revocation(
        id=target,
        tenant="default",
        kind=identity_pb2.REVOCATION_KIND_TOKEN,
        target=target,
        revoke_time=now,
        expire_time=end,
    )
    await bus.publish(revocation_subject("default", target), message.SerializeToString(), message_id=str(uuid4()))


async def say_standing(bus: Bus, tenant: str, state: tenant_pb2.TenantState, revision: int) -> None:
    message = identity_pb2.TenantStanding(
        tenant=tenant, state=state, quotas=tenant_pb2.Quotas(requests_per_second=revision), revision=revision
    )
    await bus.publish(standing_subject(tenant), message.SerializeToString(), message_id=str(uuid4()))


async def beat(bus: Bus, *kids: str) -> None:
    message = identity_pb2.IdentityBeat(kids=kids)
    await bus.publish(beat_subject(), message.SerializeToString(), message_id=str(uuid4()))


@pytest.mark.capability("A2")
async def test_who_begins_to_follow_learns_all_that_is_in_force(bus: Bus) -> None:
    for number in range(300):
        await say_revoked(bus, f"token-{number}")
    await say_standing(bus, "acme", tenant_pb2.TENANT_STATE_ACTIVE, 1)
    await say_standing(bus, "acme", tenant_pb2.TENANT_STATE_SUSPENDED, 2)
    async with following(bus) as follower, asyncio.timeout(10):
        await follower.feed.caught_up()
        assert len(follower.admission.revocations) == 300
        assert follower.admission.tenants.suspended("acme")
        assert follower.admission.tenants.of("acme").quotas.requests_per_second == 2


async def test_who_follows_an_empty_stream_has_caught_up(bus: Bus) -> None:
    async with following(bus) as follower, asyncio.timeout(10):
        await follower.feed.caught_up()
        await say_revoked(bus, "later")
        await eventually(lambda: len(follower.admission.revocations) == 1)
        assert follower.narrowed == 1


async def test_a_beat_tells_the_keys_and_counts_once(bus: Bus, nats_server: RestartableNats) -> None:
    async with following(bus) as follower:
        await follower.feed.caught_up()
        await beat(bus, "one", "two")
        await eventually(lambda: follower.kids == [["one", "two"]])
        await nats_server.kill()
        await nats_server.restart()
        await say_again(bus, "after-restart")
        await eventually(lambda: len(follower.admission.revocations) == 1)
        # The beat that was kept came again with the rest, and is not taken for a new one.
        assert follower.kids == [["one", "two"]]


async def test_a_feed_whose_stream_was_lost_follows_the_new_one(bus: Bus) -> None:
    async with following(bus) as follower:
        await follower.feed.caught_up()
        for count, kid in enumerate(("one", "two", "three"), start=1):
            await beat(bus, kid)
            # The stream keeps the last beat alone: the next may be there before this one was delivered.
            await eventually(lambda: len(follower.kids) == count)  # noqa: B023 -- awaited within the round
        config = (await bus.jetstream.stream_info(IDENTITY_STREAM)).config
        await bus.jetstream.delete_stream(IDENTITY_STREAM)
        await bus.jetstream.add_stream(config)
        await beat(bus, "four")
        await eventually(lambda: follower.kids[-1] == ["four"], within=20)


async def test_a_message_that_is_not_understood_keeps_nothing_from_being_heard(bus: Bus) -> None:
    async with following(bus) as follower:
        await follower.feed.caught_up()
        await bus.publish(revocation_subject("default", "odd"), b"\xff\xff", message_id="odd")
        await say_revoked(bus, "next")
        await eventually(lambda: len(follower.admission.revocations) == 1)


async def say_again(bus: Bus, target: str) -> None:
    """Says it until the bus is back."""

    async def said() -> bool:
        await say_revoked(bus, target)
        return True

    await eventually(said, within=20, retry=(BusUnavailable,))
