"""Three NATS servers: what was acknowledged outlives the leader, and one server's disk."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from harness.eventually import eventually
from harness.nats_cluster import NatsCluster
from rookery_kit.bus import Bus, BusUnavailable
from rookery_kit.bus.subjects import event_subject
from rookery_kit.bus.topology import Topology

SUBJECT = event_subject("default", "task", "t")


@pytest.fixture
async def cluster_bus(nats_cluster: NatsCluster) -> AsyncIterator[Bus]:
    """A connection to the cluster, every stream declared with three replicas."""
    bus = await eventually(
        lambda: Bus.connect(nats_cluster.url(), name="test", topology=Topology(replicas=3)),
        within=60,
        retry=(BusUnavailable,),
    )
    yield bus
    await bus.close()


class Publisher:
    """Publishes numbers, again and again until each is acknowledged."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.acknowledged: list[str] = []
        self.stopping = False

    async def run(self) -> None:
        number = 0
        while not self.stopping:
            message = f"m{number}"

            async def published(message: str = message) -> bool:
                await self._bus.publish(SUBJECT, message.encode(), message_id=message)
                return True

            await eventually(published, within=60, retry=(BusUnavailable,))
            self.acknowledged.append(message)
            number += 1

    async def more(self, count: int) -> None:
        goal = len(self.acknowledged) + count
        await eventually(lambda: len(self.acknowledged) >= goal, within=60)


async def stored(bus: Bus) -> list[str]:
    state = (await bus.jetstream.stream_info("EVENT")).state
    messages = [await bus.jetstream.get_msg("EVENT", seq) for seq in range(state.first_seq, state.last_seq + 1)]
    return [(message.data or b"").decode() for message in messages]


@pytest.mark.capability("M1")
@pytest.mark.parametrize("lose_disk", [False, True], ids=["leader-killed", "leader-and-its-disk-lost"])
async def test_what_a_cluster_acknowledged_outlives_the_leader_of_its_stream(
    cluster_bus: Bus, nats_cluster: NatsCluster, lose_disk: bool
) -> None:
    publisher = Publisher(cluster_bus)
    publishing = asyncio.create_task(publisher.run())
    await publisher.more(100)
    leader = await nats_cluster.leader_of("EVENT")
    await nats_cluster.kill(leader, lose_disk=lose_disk)
    await publisher.more(100)
    nats_cluster.start_node(leader)
    await publisher.more(100)
    publisher.stopping = True
    await publishing
    await nats_cluster.is_whole("EVENT")
    # Each once, and in order: the message ids let the cluster tell a repetition.
    assert await eventually(lambda: stored(cluster_bus), retry=(Exception,)) == publisher.acknowledged


@pytest.mark.capability("M1")
async def test_who_knows_one_server_goes_on_with_those_it_has_learned_of(nats_cluster: NatsCluster) -> None:
    bus = await eventually(
        lambda: Bus.connect(nats_cluster.url_of("n0"), name="test", topology=Topology(replicas=3)),
        within=60,
        retry=(BusUnavailable,),
    )
    try:
        publisher = Publisher(bus)
        publishing = asyncio.create_task(publisher.run())
        await publisher.more(10)
        await nats_cluster.kill("n0")
        await publisher.more(10)
        publisher.stopping = True
        await publishing
    finally:
        await bus.close()
