import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from harness.refusal import read_refusal, refusal
from harness.registry_service import Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.registry.v1 import agent_pb2, agent_service_pb2

ONLINE, OFFLINE = agent_pb2.AGENT_STATUS_ONLINE, agent_pb2.AGENT_STATUS_OFFLINE
DRAIN = agent_service_pb2.AGENT_INSTRUCTION_DRAIN
RESUME = agent_service_pb2.AGENT_INSTRUCTION_RESUME
REFRESH_CARD = agent_service_pb2.AGENT_INSTRUCTION_REFRESH_CARD


@pytest.fixture
async def registry(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Registry]:
    async with running_registry(registry_settings(fresh_database, nats_server), TokenMint()) as running:
        yield running


async def instruct(
    registry: Registry, agent_id: str, instruction: agent_service_pb2.AgentInstruction
) -> agent_pb2.Agent:
    request = agent_service_pb2.InstructAgentRequest(agent_id=agent_id, instruction=instruction)
    return (await registry.agents.InstructAgent(request, metadata=registry.admin())).agent


async def ended(call: Any) -> tuple[grpc.StatusCode, str]:
    refused = await refusal(asyncio.wait_for(call.read(), 10))
    return refused.code, refused.reason


@pytest.mark.capability("R2")
async def test_the_first_beat_is_answered_with_the_lease_and_how_often_to_beat(registry: Registry) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe", lease_duration=Duration(seconds=30))
    async with registry.heartbeats(caller, agent.session_epoch) as stream:
        await stream.beat()
        answer = await stream.answer()
    assert (answer.lease_remaining.seconds, answer.beat_interval.seconds) == (30, 10)
    assert list(answer.instructions) == []


@pytest.mark.capability("R2")
async def test_later_beats_are_stored_in_silence_unless_an_answer_is_asked_for(registry: Registry) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    async with registry.heartbeats(caller, agent.session_epoch) as stream:
        await stream.beat()
        await stream.answer()
        before = (await registry.get(caller.id)).lease_expire_time.ToDatetime()
        await stream.beat()

        async def is_stored() -> bool:
            return (await registry.get(caller.id)).lease_expire_time.ToDatetime() > before

        await eventually(is_stored)
        # Had the silent beat been answered, its answer would be read here in place of that of the second.
        await stream.beat(confirm=True)
        await stream.beat(confirm=True, going_offline=True)
        assert (await stream.answer()).lease_remaining.seconds in (0, 15)
    assert (await registry.get(caller.id)).revision >= agent.revision


async def test_a_caller_that_ends_its_side_gets_its_answer_and_then_the_end(registry: Registry) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    request = agent_service_pb2.HeartbeatRequest(session_epoch=agent.session_epoch)
    call = registry.agents.Heartbeat(iter([request]), metadata=caller.metadata)
    answers = [answer.lease_remaining.seconds async for answer in call]
    assert answers == [15]
    assert await call.code() == grpc.StatusCode.OK


@pytest.mark.capability("R2")
async def test_an_agent_that_goes_offline_over_its_stream_is_not_brought_back_by_beats_before(
    registry: Registry,
) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    async with registry.heartbeats(caller, agent.session_epoch) as stream:
        await stream.beat()
        await stream.answer()
        for _ in range(20):
            await stream.beat()
        await stream.beat(going_offline=True)
        assert (await stream.answer()).lease_remaining.ToNanoseconds() == 0
        assert (await registry.get(caller.id)).status == OFFLINE
        assert (await stream.confirmed()).lease_remaining.seconds == 15
        assert (await registry.get(caller.id)).status == ONLINE


@pytest.mark.capability("R1")
async def test_a_later_registration_ends_the_streams_of_the_session_before_at_once(registry: Registry) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    async with registry.heartbeats(caller, agent.session_epoch) as stream:
        await stream.beat()
        await stream.answer()
        again = await registry.register(caller, "scribe")
        assert await ended(stream.call) == (grpc.StatusCode.ABORTED, "SESSION_SUPERSEDED")
    async with registry.heartbeats(caller, agent.session_epoch) as stale:
        await stale.beat()
        assert await ended(stale.call) == (grpc.StatusCode.ABORTED, "SESSION_SUPERSEDED")
    assert await registry.beat(caller, again.session_epoch) == 15


async def test_the_stream_of_an_agent_that_is_deregistered_ends(registry: Registry) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    async with registry.heartbeats(caller, agent.session_epoch) as stream:
        await stream.beat()
        await stream.answer()
        removal = agent_service_pb2.DeregisterAgentRequest(agent_id=caller.id)
        await registry.agents.DeregisterAgent(removal, metadata=registry.admin())
        assert await ended(stream.call) == (grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND")


async def test_a_broken_beat_ends_the_stream_and_names_the_field(registry: Registry) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    async with registry.heartbeats(caller, agent.session_epoch) as stream:
        await stream.beat()
        await stream.answer()
        await stream.beat(metrics={"error_rate": 1.5})
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream.answer()
        assert read_refusal(caught.value).fields == ("metrics.error_rate",)


@pytest.mark.capability("R2")
async def test_an_agent_hears_at_once_that_it_is_to_drain_and_to_resume(registry: Registry) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    async with registry.heartbeats(caller, agent.session_epoch) as stream:
        await stream.beat()
        await stream.answer()
        assert (await instruct(registry, caller.id, DRAIN)).draining
        assert list((await stream.answer()).instructions) == [DRAIN]
        assert list((await stream.confirmed()).instructions) == []
        assert not (await instruct(registry, caller.id, RESUME)).draining
        assert list((await stream.answer()).instructions) == [RESUME]
    assert (await registry.get(caller.id)).status == ONLINE


@pytest.mark.capability("R2")
async def test_the_first_answer_of_every_stream_says_to_drain_over_registrations_as_well(registry: Registry) -> None:
    caller = registry.agent()
    await registry.register(caller, "scribe")
    await instruct(registry, caller.id, DRAIN)
    agent = await registry.register(caller, "scribe")
    assert agent.draining
    for _ in range(2):
        async with registry.heartbeats(caller, agent.session_epoch) as stream:
            assert list((await stream.confirmed()).instructions) == [DRAIN]


@pytest.mark.capability("R2")
async def test_an_agent_is_told_to_register_again_until_it_does(registry: Registry) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    await instruct(registry, caller.id, REFRESH_CARD)
    for _ in range(2):
        async with registry.heartbeats(caller, agent.session_epoch) as stream:
            assert list((await stream.confirmed()).instructions) == [REFRESH_CARD]
            assert list((await stream.confirmed()).instructions) == []
    agent = await registry.register(caller, "scribe")
    async with registry.heartbeats(caller, agent.session_epoch) as stream:
        assert list((await stream.confirmed()).instructions) == []


@pytest.mark.capability("R2")
@pytest.mark.capability("O8")
async def test_a_stream_may_move_between_replicas_whose_clocks_differ(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    settings, mint = registry_settings(fresh_database, nats_server), TokenMint()
    async with running_registry(settings, mint) as one, running_registry(settings, mint, clock_ahead=3600) as other:
        caller = one.agent()
        agent = await one.register(caller, "scribe", lease_duration=Duration(seconds=2))
        for replica in (other, one, other, one):
            async with replica.heartbeats(caller, agent.session_epoch) as stream:
                assert (await stream.confirmed()).lease_remaining.seconds == 2
            for reader in (one, other):
                assert (await reader.get(caller.id)).status == ONLINE
        assert (await one.get(caller.id)).revision == agent.revision

        async def both_say_offline() -> bool:
            return [(await each.get(caller.id)).status for each in (one, other)] == [OFFLINE, OFFLINE]

        await eventually(both_say_offline)
        ending = (await one.get(caller.id)).lease_expire_time
        assert (await other.get(caller.id)).lease_expire_time == ending


@pytest.mark.capability("O8")
async def test_a_session_is_fenced_off_on_the_replica_where_it_did_not_register_again(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    settings, mint = registry_settings(fresh_database, nats_server), TokenMint()
    async with running_registry(settings, mint) as one, running_registry(settings, mint) as other:
        caller = one.agent()
        agent = await one.register(caller, "scribe")
        async with other.heartbeats(caller, agent.session_epoch) as stream:
            await stream.confirmed()
            await instruct(one, caller.id, DRAIN)
            assert list((await stream.answer()).instructions) == [DRAIN]
            await one.register(caller, "scribe")
            assert await ended(stream.call) == (grpc.StatusCode.ABORTED, "SESSION_SUPERSEDED")
