from harness.eventually import eventually
from harness.nats_server import RestartableNats
from rookery_kit.bus import Bus
from rookery_kit.bus.topology import Topology


async def test_every_test_gets_an_empty_server_with_the_streams(bus: Bus) -> None:
    streams = await bus.jetstream.streams_info()
    declared = [stream.name for stream in Topology().streams()]
    assert {stream.config.name: stream.state.messages for stream in streams} == dict.fromkeys(declared, 0)


async def test_a_killed_server_comes_back_with_its_messages(nats_server: RestartableNats, bus: Bus) -> None:
    await bus.publish("rk.acme.event.agent.one", b"payload", message_id="1")
    await nats_server.kill()
    await eventually(lambda: not bus.client.is_connected)
    await nats_server.restart()
    await eventually(lambda: bus.client.is_connected)
    assert (await bus.jetstream.get_last_msg("EVENT", "rk.acme.event.agent.one")).data == b"payload"
