import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from harness.databases import FreshDatabase
from harness.event_log import EventLog
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from harness.registry_service import Caller, Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.events.v1 import agent_event_pb2
from rookery.registry.v1 import agent_pb2, agent_service_pb2
from rookery_kit.bus import Bus

ONLINE, OFFLINE = agent_pb2.AGENT_STATUS_ONLINE, agent_pb2.AGENT_STATUS_OFFLINE
SHORT = Duration(seconds=1)
Changes = EventLog[agent_event_pb2.AgentChanged]


@pytest.fixture
async def registry(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Registry]:
    async with running_registry(registry_settings(fresh_database, nats_server), TokenMint()) as running:
        yield running


@pytest.fixture
async def changes(bus: Bus) -> AsyncIterator[Changes]:
    async with Changes.following(bus, "rk.*.event.agent.*", agent_event_pb2.AgentChanged) as log:
        yield log


def told(changes: Changes, caller: Caller) -> list[str]:
    mine = [event.message for event in changes.events if event.message.agent.id == caller.id]
    return [agent_event_pb2.AgentChange.Name(change.change).removeprefix("AGENT_CHANGE_") for change in mine]


async def until_told(changes: Changes, caller: Caller, *expected: str, within: float = 10) -> None:
    await eventually(lambda: told(changes, caller) == list(expected), within=within)


@pytest.mark.capability("R2")
async def test_an_agent_that_falls_silent_is_offline_within_its_lease_and_consumers_hear_within_a_second(
    registry: Registry, changes: Changes
) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe", lease_duration=SHORT)
    begun = asyncio.get_running_loop().time()
    await eventually(lambda: is_offline(registry, caller), within=3)
    assert asyncio.get_running_loop().time() - begun > 0.9
    await until_told(changes, caller, "REGISTERED", "OFFLINE", within=3)
    event = changes.events[-1].message
    assert (event.agent.status, event.agent.session_epoch) == (OFFLINE, agent.session_epoch)
    assert event.agent == await registry.get(caller.id)
    # In the database's time, so that a slow machine makes no difference: from the end of the lease to its sweep.
    lag = event.agent.update_time.ToDatetime() - event.agent.lease_expire_time.ToDatetime()
    assert timedelta(0) <= lag < timedelta(seconds=1)


async def is_offline(registry: Registry, caller: Caller) -> bool:
    return (await registry.get(caller.id)).status == OFFLINE


@pytest.mark.capability("R2")
async def test_an_agent_that_beats_stays_online_beyond_its_first_lease_and_consumers_hear_nothing(
    registry: Registry, changes: Changes
) -> None:
    beating, silent = registry.agent(), registry.agent()
    epoch = (await registry.register(beating, "beating", lease_duration=SHORT)).session_epoch
    await registry.register(silent, "silent", lease_duration=SHORT)

    async def silent_is_offline_while_the_other_beats() -> bool:
        assert await registry.beat(beating, epoch) == 1
        return told(changes, silent) == ["REGISTERED", "OFFLINE"]

    await eventually(silent_is_offline_while_the_other_beats, every=0.1)
    assert (await registry.get(beating.id)).status == ONLINE
    assert told(changes, beating) == ["REGISTERED"]


@pytest.mark.capability("R2")
async def test_a_heartbeat_brings_an_agent_back_that_was_offline(registry: Registry, changes: Changes) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe", lease_duration=SHORT)
    await until_told(changes, caller, "REGISTERED", "OFFLINE")
    assert await registry.beat(caller, agent.session_epoch) == 1
    back = await registry.get(caller.id)
    assert (back.status, back.session_epoch) == (ONLINE, agent.session_epoch)
    await until_told(changes, caller, "REGISTERED", "OFFLINE", "ONLINE", "OFFLINE")
    revisions = [event.message.revision for event in changes.events]
    assert revisions == sorted(set(revisions))


async def test_an_agent_that_gives_its_lease_back_is_offline_at_once_and_told_of_once(
    registry: Registry, changes: Changes
) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    assert await registry.beat(caller, agent.session_epoch, going_offline=True) == 0
    assert (await registry.get(caller.id)).status == OFFLINE
    assert await registry.beat(caller, agent.session_epoch, going_offline=True) == 0
    assert await registry.beat(caller, agent.session_epoch) == 15
    await until_told(changes, caller, "REGISTERED", "OFFLINE", "ONLINE")


@pytest.mark.capability("R1")
async def test_every_change_is_told_with_the_whole_agent_and_a_rising_revision(
    registry: Registry, changes: Changes
) -> None:
    caller = registry.agent(tenant="acme")
    registered = await registry.register(caller, "scribe", labels={"a": "b"}, description="writes")
    update = agent_service_pb2.UpdateAgentRequest(
        agent_id=caller.id, update_mask=FieldMask(paths=["description"]), description="reads"
    )
    updated = (await registry.agents.UpdateAgent(update, metadata=caller.metadata)).agent
    removal = agent_service_pb2.DeregisterAgentRequest(agent_id=caller.id)
    await registry.agents.DeregisterAgent(removal, metadata=caller.metadata)
    again = await registry.register(caller, "scribe")
    await until_told(changes, caller, "REGISTERED", "UPDATED", "DEREGISTERED", "REGISTERED")
    assert [event.message.agent for event in changes.events] == [registered, updated, updated, again]
    revisions = [event.message.revision for event in changes.events]
    assert revisions == sorted(set(revisions))
    assert {event.subject for event in changes.events} == {f"rk.acme.event.agent.{caller.id}"}
    assert [event.message_id for event in changes.events] == [f"agent-{caller.id}-{number}" for number in revisions]


@pytest.mark.capability("R2")
@pytest.mark.capability("O8")
async def test_two_replicas_tell_of_each_lapse_once(
    fresh_database: FreshDatabase, nats_server: RestartableNats, changes: Changes
) -> None:
    settings, mint = registry_settings(fresh_database, nats_server), TokenMint()
    async with running_registry(settings, mint) as one, running_registry(settings, mint) as other:
        callers = [one.agent() for _ in range(40)]
        replicas = [one, other] * 20
        registrations = (
            replica.register(caller, f"agent-{number}", lease_duration=SHORT)
            for number, (caller, replica) in enumerate(zip(callers, replicas, strict=True))
        )
        await asyncio.gather(*registrations)
        for caller in callers:
            await until_told(changes, caller, "REGISTERED", "OFFLINE")
        await one.register(callers[0], "agent-0")
        await until_told(changes, callers[0], "REGISTERED", "OFFLINE", "REGISTERED")
    assert len(changes.events) == 81
