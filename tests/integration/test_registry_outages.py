import signal

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.event_log import EventLog
from harness.eventually import eventually
from harness.free_ports import free_address
from harness.nats_server import RestartableNats
from harness.refusal import Refusal, read_refusal, refusal
from harness.registry_process import is_serving, process, serving
from harness.registry_service import registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.events.v1 import agent_event_pb2
from rookery.registry.v1 import agent_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.topology import Topology
from rookery_kit.postgres.revisions import head_revision

EVENTS = "rk.*.event.agent.*"


async def test_changes_made_while_the_bus_is_away_are_told_when_it_is_back(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    async with running_registry(registry_settings(fresh_database, nats_server), TokenMint()) as registry:
        before, meanwhile = registry.agent(), registry.agent()
        await registry.register(before, "before")
        await nats_server.kill()
        epoch = (await registry.register(meanwhile, "meanwhile")).session_epoch
        await registry.beat(meanwhile, epoch, going_offline=True)
        assert await is_serving(registry.channel, serving=False)
        await nats_server.restart()
        bus = await Bus.connect(nats_server.url(), name="test", topology=Topology())
        async with EventLog.following(bus, EVENTS, agent_event_pb2.AgentChanged) as log:
            await eventually(lambda: len(log.events) >= 3, within=15)
            assert [event.message.agent.name for event in log.events] == ["before", "meanwhile", "meanwhile"]
            assert log.events[-1].message.change == agent_event_pb2.AGENT_CHANGE_OFFLINE
        await bus.close()
        assert await is_serving(registry.channel, serving=True)


async def test_while_the_database_is_away_calls_are_unavailable_with_a_time_to_retry_and_then_fine_again(
    own_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    settings = registry_settings(own_database, nats_server)
    async with running_registry(settings, TokenMint()) as registry:
        caller = registry.agent()
        agent = await registry.register(caller, "scribe")
        await own_database.server.kill()
        for call in (
            registry.get(caller.id),
            registry.beat(caller, agent.session_epoch),
            registry.register(caller, "x"),
        ):
            assert_database_away(await refusal(call))
        await own_database.server.start()

        async def answered() -> bool:
            try:
                return await registry.get(caller.id) == agent
            except grpc.aio.AioRpcError as error:
                assert_database_away(read_refusal(error))
                return False

        await eventually(answered)
        assert await registry.beat(caller, agent.session_epoch) == 15
        assert (await registry.register(registry.agent(), "clerk")).name == "clerk"


def assert_database_away(refused: Refusal) -> None:
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")
    assert refused.retry_after == 1


@pytest.mark.capability("R2")
async def test_what_was_acknowledged_survives_a_killed_process_and_sessions_go_on(
    fresh_database: FreshDatabase, nats_server: RestartableNats, bus: Bus
) -> None:
    mint = TokenMint()
    async with mint.serving_keys() as auth_address:
        settings = registry_settings(fresh_database, nats_server, listen=free_address(), auth_address=auth_address)
        async with serving(settings, mint) as (running, registry):
            callers = [registry.agent() for _ in range(20)]
            agents = [await registry.register(caller, f"agent-{n}") for n, caller in enumerate(callers)]
            running.kill()
            assert await running.wait() == -signal.SIGKILL
        async with serving(settings, mint) as (_, registry):
            assert [await registry.get(caller.id) for caller in callers] == agents
            assert await registry.beat(callers[0], agents[0].session_epoch) == 15
            assert (await registry.get(callers[0].id)).status == agent_pb2.AGENT_STATUS_ONLINE
            async with EventLog.following(bus, EVENTS, agent_event_pb2.AgentChanged) as log:
                await eventually(lambda: len(log.events) >= 20)
            assert sorted(event.message.agent.id for event in log.events) == sorted(agent.id for agent in agents)


async def test_a_terminated_process_ends_in_order(fresh_database: FreshDatabase, nats_server: RestartableNats) -> None:
    mint = TokenMint()
    async with mint.serving_keys() as auth_address:
        settings = registry_settings(fresh_database, nats_server, listen=free_address(), auth_address=auth_address)
        async with serving(settings, mint) as (running, registry):
            await registry.register(registry.agent(), "scribe")
            running.terminate()
            _, logged = await running.communicate()
            assert running.returncode == 0
            assert b'"event": "stopped"' in logged
            assert b"Traceback" not in logged


async def test_a_start_without_its_schema_says_so_and_ends(
    empty_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    settings = registry_settings(empty_database, nats_server, listen=free_address())
    async with process(settings) as running:
        _, said = await running.communicate()
    assert running.returncode == 3
    head = head_revision("registry")
    expected = f"rookery-registry: cannot start: the schema registry has not been created and revision {head} is needed"
    assert said.decode().startswith(expected)
