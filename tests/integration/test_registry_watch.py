import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from harness.refusal import read_refusal
from harness.registry_service import Caller, Registry, WatchLog, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.registry.v1 import agent_pb2, agent_service_pb2

SHORT = Duration(seconds=1)


@pytest.fixture
async def registry(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Registry]:
    async with running_registry(registry_settings(fresh_database, nats_server), TokenMint()) as running:
        yield running


async def describe(registry: Registry, caller: Caller, **fields: object) -> None:
    request = agent_service_pb2.UpdateAgentRequest(
        agent_id=caller.id,
        update_mask=FieldMask(paths=list(fields)),
        **fields,  # type: ignore[arg-type]
    )
    await registry.agents.UpdateAgent(request, metadata=caller.metadata)


async def deregister(registry: Registry, caller: Caller) -> None:
    request = agent_service_pb2.DeregisterAgentRequest(agent_id=caller.id)
    await registry.agents.DeregisterAgent(request, metadata=caller.metadata)


@pytest.mark.capability("R9")
async def test_a_watcher_gets_a_snapshot_and_then_every_change_of_its_tenant(registry: Registry) -> None:
    first, second, foreign = registry.agent(), registry.agent(), registry.agent("acme")
    known = await registry.register(first, "first")
    await registry.register(foreign, "foreign")
    async with registry.watching() as watch:
        await eventually(lambda: watch.synced)
        assert watch.agents == [known]
        await registry.register(second, "second", lease_duration=SHORT)
        await registry.register(registry.agent("acme"), "unseen")
        await describe(registry, first, description="changed")
        await eventually(lambda: ("OFFLINE", "second") in watch.told)
        epoch = (await registry.get(second.id)).session_epoch
        await registry.beat(second, epoch)
        await deregister(registry, first)
        expected = [
            ("REGISTERED", "second"),
            ("UPDATED", "first"),
            ("OFFLINE", "second"),
            ("ONLINE", "second"),
            ("DEREGISTERED", "first"),
        ]
        await eventually(lambda: watch.told[:5] == expected)
        revisions = [change.revision for change in watch.changes]
        assert revisions == sorted(set(revisions))
        assert watch.changes[1].agent.description == "changed"
        assert watch.changes[4].agent.id == first.id


@pytest.mark.capability("R9")
@pytest.mark.capability("O8")
async def test_a_watcher_that_comes_back_to_another_replica_misses_nothing_and_hears_nothing_twice(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    settings, mint = registry_settings(fresh_database, nats_server), TokenMint()
    async with running_registry(settings, mint) as one, running_registry(settings, mint) as other:
        caller = one.agent()
        await one.register(caller, "scribe")
        told: list[tuple[int, str]] = []
        revision = 0
        for turn in range(6):
            watched, changed = (one, other) if turn % 2 else (other, one)
            async with watched.watching(after_revision=revision) as watch:
                await describe(changed, caller, description=f"watched {turn}")
                await until_seen(watch, f"watched {turn}")
            told += [(change.revision, change.agent.description) for change in watch.changes]
            revision = watch.revision
            await describe(watched, caller, description=f"away {turn}")
        async with one.watching(after_revision=revision) as watch:
            await until_seen(watch, "away 5")
        told += [(change.revision, change.agent.description) for change in watch.changes]
    expected = [f"{what} {turn}" for turn in range(6) for what in ("watched", "away")]
    assert [description for _, description in told] == expected
    assert [number for number, _ in told] == sorted({number for number, _ in told})


async def until_seen(watch: WatchLog, description: str) -> None:
    await eventually(lambda: any(change.agent.description == description for change in watch.changes))


@pytest.mark.capability("R9")
async def test_a_watcher_that_asks_for_a_revision_never_given_is_told_to_begin_anew(registry: Registry) -> None:
    await registry.register(registry.agent(), "scribe")
    async with registry.watching(after_revision=1_000_000) as watch:
        await eventually(lambda: watch.error is not None)
    assert watch.error is not None
    refused = read_refusal(watch.error)
    assert (refused.code, refused.reason) == (grpc.StatusCode.ABORTED, "WATCH_TOO_OLD")


@pytest.mark.capability("R9")
async def test_a_filtered_watcher_hears_of_those_that_match_and_of_those_that_no_longer_do(registry: Registry) -> None:
    writer, reader = registry.agent(), registry.agent()
    await registry.register(reader, "reader", capabilities=["read"])
    async with registry.watching(capability="write", status=agent_pb2.AGENT_STATUS_ONLINE) as watch:
        await eventually(lambda: watch.synced)
        assert watch.agents == []
        epoch = (await registry.register(writer, "writer", capabilities=["write"])).session_epoch
        await registry.beat(writer, epoch, going_offline=True)
        await registry.beat(reader, (await registry.get(reader.id)).session_epoch, going_offline=True)
        await registry.beat(writer, epoch)
        await describe(registry, writer, capabilities=["read"])
        await deregister(registry, writer)
        last = registry.agent()
        await registry.register(last, "last", capabilities=["write"])
        await eventually(lambda: ("REGISTERED", "last") in watch.told)
    assert watch.told == [
        ("REGISTERED", "writer"),
        ("DEPARTED", "writer"),
        ("ONLINE", "writer"),
        ("DEPARTED", "writer"),
        ("REGISTERED", "last"),
    ]
    departed = watch.changes[1].agent
    assert (departed.id, list(departed.capabilities)) == (writer.id, [])


@pytest.mark.capability("R9")
async def test_the_history_of_every_agent_is_whole_while_many_change_at_once_on_two_replicas(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    settings, mint = registry_settings(fresh_database, nats_server), TokenMint()
    async with running_registry(settings, mint) as one, running_registry(settings, mint) as other:
        callers = [one.agent() for _ in range(12)]

        async def live(number: int, caller: Caller) -> None:
            for turn in range(5):
                replica = (one, other)[(number + turn) % 2]
                if turn == 0:
                    await replica.register(caller, f"agent-{number}", description="0")
                else:
                    await describe(replica, caller, description=str(turn))

        async with one.watching() as here, other.watching() as there:
            await eventually(lambda: here.synced and there.synced)
            await asyncio.gather(*(live(number, caller) for number, caller in enumerate(callers)))
            await eventually(lambda: len(here.changes) == len(there.changes) == 60)
        assert here.changes == there.changes
        for caller in callers:
            mine = [change.agent.description for change in here.changes if change.agent.id == caller.id]
            assert mine == ["0", "1", "2", "3", "4"]
        middle = here.changes[29].revision
        async with other.watching(after_revision=middle) as resumed:
            await eventually(lambda: len(resumed.changes) == 30)
        assert resumed.changes == here.changes[30:]
