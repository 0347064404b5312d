import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from google.protobuf.duration_pb2 import Duration
from harness.databases import FreshDatabase
from harness.event_log import EventLog
from harness.eventually import eventually
from harness.free_ports import free_address
from harness.nats_server import RestartableNats
from harness.registry_process import serving
from harness.registry_service import Caller, Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.events.v1 import agent_event_pb2
from rookery.registry.v1 import agent_pb2
from rookery_kit.bus import Bus
from rookery_registry.settings import RegistrySettings

ONLINE = agent_pb2.AGENT_STATUS_ONLINE
LEASE = Duration(seconds=1)
# More than twice the lease, and than what counts as an outage.
OUTAGE_SECONDS = 2.5
Changes = EventLog[agent_event_pb2.AgentChanged]


@pytest.fixture
async def changes(bus: Bus) -> AsyncIterator[Changes]:
    async with Changes.following(bus, "rk.*.event.agent.*", agent_event_pb2.AgentChanged) as log:
        yield log


def told(changes: Changes, caller: Caller) -> list[str]:
    mine = [event.message for event in changes.events if event.message.agent.id == caller.id]
    return [agent_event_pb2.AgentChange.Name(change.change).removeprefix("AGENT_CHANGE_") for change in mine]


def settings_of(database: FreshDatabase, nats: RestartableNats) -> RegistrySettings:
    return registry_settings(database, nats).model_copy(update={"outage_seconds": 1})


async def pass_by(seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    await eventually(lambda: clock() > end, within=seconds + 5)


@asynccontextmanager
async def beating(registry: Registry, caller: Caller, epoch: int) -> AsyncIterator["asyncio.Task[None]"]:
    """Beats over one stream every 0.2 s until the end of the block. The task ends only if the stream does."""

    async def beat() -> None:
        async with registry.heartbeats(caller, epoch) as stream:
            while True:
                await stream.beat()
                await pass_by(0.2)

    task = asyncio.create_task(beat())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def is_online(registry: Registry, caller: Caller) -> bool:
    return (await registry.get(caller.id)).status == ONLINE


@pytest.mark.capability("R2")
async def test_an_outage_of_the_database_longer_than_every_lease_makes_nobody_offline_who_still_beats(
    own_database: FreshDatabase, nats_server: RestartableNats, changes: Changes
) -> None:
    async with running_registry(settings_of(own_database, nats_server), TokenMint()) as registry:
        callers = [registry.agent() for _ in range(20)]
        epochs = [
            (await registry.register(caller, f"agent-{number}", lease_duration=Duration(seconds=2))).session_epoch
            for number, caller in enumerate(callers)
        ]
        silent = registry.agent()
        streams = [beating(registry, *pair) for pair in zip(callers, epochs, strict=True)]
        tasks = [await stream.__aenter__() for stream in streams]
        await registry.register(silent, "silent", lease_duration=Duration(seconds=2))
        await own_database.server.kill()
        await pass_by(OUTAGE_SECONDS)
        await own_database.server.start()
        # Its lease ran when the outage began, so it runs anew, and only then out.
        await eventually(lambda: told(changes, silent) == ["REGISTERED", "OFFLINE"], within=20)
        assert not any(task.done() for task in tasks)
        for caller in callers:
            assert await is_online(registry, caller)
            assert told(changes, caller) == ["REGISTERED"]
        for stream in streams:
            await stream.__aexit__(None, None, None)


@pytest.mark.capability("R2")
async def test_leases_outlive_a_time_without_any_registry_and_agents_come_back_to_the_next_process(
    fresh_database: FreshDatabase, nats_server: RestartableNats, changes: Changes
) -> None:
    mint = TokenMint()
    async with mint.serving_keys() as auth_address:
        settings = registry_settings(fresh_database, nats_server, listen=free_address(), auth_address=auth_address)
        settings = settings.model_copy(update={"outage_seconds": 1})
        async with serving(settings, mint) as (process, registry):
            caller, silent = registry.agent(), registry.agent()
            epoch = (await registry.register(caller, "scribe", lease_duration=Duration(seconds=2))).session_epoch
            await registry.register(silent, "silent", lease_duration=Duration(seconds=2))
            async with beating(registry, caller, epoch) as task:
                process.kill()
                assert await process.wait() == -signal.SIGKILL
                await asyncio.wait({task}, timeout=10)
                assert task.done()
        await pass_by(OUTAGE_SECONDS)
        async with serving(settings, mint) as (_, registry):
            async with beating(registry, caller, epoch):
                await eventually(lambda: told(changes, silent) == ["REGISTERED", "OFFLINE"], within=20)
                assert await is_online(registry, caller)
            assert told(changes, caller) == ["REGISTERED"]


@pytest.mark.capability("R2")
@pytest.mark.capability("R9")
async def test_leases_and_watchers_go_on_while_the_bus_is_away(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    async with running_registry(settings_of(fresh_database, nats_server), TokenMint()) as registry:
        caller = registry.agent()
        epoch = (await registry.register(caller, "scribe", lease_duration=LEASE)).session_epoch
        async with registry.watching() as watch, beating(registry, caller, epoch) as task:
            await eventually(lambda: watch.synced)
            await nats_server.kill()
            await registry.register(registry.agent(), "silent", lease_duration=LEASE)
            await eventually(lambda: watch.told == [("REGISTERED", "silent"), ("OFFLINE", "silent")])
            assert await is_online(registry, caller)
            await nats_server.restart()
            await registry.register(registry.agent(), "later")
            await eventually(lambda: ("REGISTERED", "later") in watch.told)
            assert not task.done()
            assert watch.error is None
