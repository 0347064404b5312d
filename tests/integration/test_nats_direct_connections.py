"""What keeps the connections of agents to NATS apart, and what bounds them."""

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest
from harness.eventually import eventually
from harness.nats_agents import NatsAgent, NatsFrames, NatsRefusal, NatsSuite, connected, refused_connection, token_id
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from rookery.auth.v1 import key_service_pb2, key_service_pb2_grpc, token_pb2, token_service_pb2, token_service_pb2_grpc
from rookery.orchestrator.v1 import message_service_pb2
from rookery.registry.v1 import agent_service_pb2, agent_watch_pb2
from rookery_kit.bus import Bus
from rookery_kit.nats_rpc.stream import NatsStream, TooManyFrames
from rookery_kit.nats_rpc.wire import FRAME, PROTOBUF, Codec

pytestmark = pytest.mark.capability("A9")
_MOST_STREAMS = 64


async def issued(nats_suite: NatsSuite, request: token_service_pb2.IssueTokenRequest) -> token_pb2.TokenSet:
    tokens = token_service_pb2_grpc.TokenServiceStub(nats_suite.suite.channel("auth"))
    return (await tokens.IssueToken(request)).token_set


async def watch(agent: NatsAgent) -> NatsFrames:
    request = agent_watch_pb2.WatchAgentsRequest()
    return await agent.open("AgentService", "WatchAgents", request, agent_watch_pb2.WatchAgentsResponse)


async def to_the_end(frames: NatsFrames) -> None:
    while await frames.next() is not None:
        continue


async def test_who_acts_for_an_agent_is_not_let_into_its_inbox(nats_suite: NatsSuite) -> None:
    subject, actor = await nats_suite.enroll(), await nats_suite.enroll()
    exchange = token_service_pb2.TokenExchange(
        subject_token=subject.access_token, actor_token=actor.access_token, scopes=["agents:read"]
    )
    delegated = await issued(nats_suite, token_service_pb2.IssueTokenRequest(token_exchange=exchange))
    assert delegated.subject == subject.subject
    assert "authorization violation" in (await refused_connection(nats_suite.url, delegated.access_token)).lower()
    async with connected(nats_suite.url, subject) as agent:
        with pytest.raises(NatsRefusal) as caught:
            await agent.call(
                "AgentService",
                "ListAgents",
                agent_service_pb2.ListAgentsRequest(),
                agent_service_pb2.ListAgentsResponse,
                token=delegated.access_token,
            )
        assert caught.value.reason == "TOKEN_INVALID"


async def test_two_connections_of_one_agent_neither_hear_nor_steer_each_other(nats_suite: NatsSuite) -> None:
    first = await nats_suite.enroll()
    refresh = token_service_pb2.IssueTokenRequest(refresh_token=first.refresh_token)
    second = await issued(nats_suite, refresh)
    async with nats_suite.agent("one", first) as agent, connected(nats_suite.url, second) as other:
        assert other.id == agent.id
        opening = message_service_pb2.OpenMailbox(session_epoch=agent.session_epoch)
        frames = await agent.open(
            "MessageService",
            "Receive",
            message_service_pb2.ReceiveRequest(open=opening),
            message_service_pb2.ReceiveResponse,
        )
        assert (await frames.next()).HasField("opened")
        heard: list[str] = []

        async def hear(message: Msg) -> None:
            heard.append(message.subject)

        stream = f"rk.default.agent.{agent.id}.stream.{frames.stream}"
        await other.client.subscribe(f"_INBOX.{agent.id}.{token_id(agent.token)}.>", cb=hear)
        await other.client.publish(stream, b"", headers={"frame": "2", "end": "1"})
        await eventually(lambda: any('subscription to "_inbox' in problem.lower() for problem in other.problems))
        await eventually(lambda: any(f'publish to "{stream}"' in problem.lower() for problem in other.problems))
        # Nor has a service answer there.
        await other.client.publish(
            other.subject("AgentService", "ListAgents"),
            b"",
            reply=agent.client.new_inbox(),
            headers={"authorization": f"Bearer {other.token}"},
        )
        await frames.ping()
        await frames.send(None)
        assert await frames.next() is None
        assert heard == []
        with pytest.raises(NatsRefusal) as caught:
            await agent.call(
                "AgentService",
                "ListAgents",
                agent_service_pb2.ListAgentsRequest(),
                agent_service_pb2.ListAgentsResponse,
                token=other.token,
            )
        assert caught.value.reason == "TOKEN_INVALID"


async def test_an_agent_holds_so_many_streams_and_those_that_take_no_frames_refuse_them(nats_suite: NatsSuite) -> None:
    async with nats_suite.agent("one") as agent:
        watches = [await watch(agent) for _ in range(_MOST_STREAMS)]
        for each in watches:
            await each.next()
        with pytest.raises(NatsRefusal) as caught:
            await (await watch(agent)).next()
        assert caught.value.reason == "RATE_LIMITED"
        await watches[0].send(agent_watch_pb2.WatchAgentsRequest())
        with pytest.raises(NatsRefusal) as caught:
            await to_the_end(watches[0])
        assert (caught.value.code, caught.value.reason) == (3, "INVALID_FIELD")
        await (await watch(agent)).next()


@pytest.mark.capability("A3")
async def test_a_connection_ends_when_the_key_that_signed_its_token_is_compromised(nats_suite: NatsSuite) -> None:
    token_set = await nats_suite.enroll()
    keys = key_service_pb2_grpc.KeyServiceStub(nats_suite.suite.channel("auth"))
    async with connected(nats_suite.url, token_set) as agent:
        request = key_service_pb2.RotateSigningKeyRequest(compromised=True)
        await keys.RotateSigningKey(request, metadata=await nats_suite.suite.administrator())
        await asyncio.wait_for(agent.closed.wait(), 10)
    assert "authorization violation" in (await refused_connection(nats_suite.url, agent.token)).lower()


async def test_of_the_connections_of_one_agent_the_newest_stay(nats_suite: NatsSuite) -> None:
    token_set = await nats_suite.enroll()
    async with AsyncExitStack() as stack:
        agents: list[NatsAgent] = []
        while len(agents) < 34:
            # Who comes too fast is kept out for a moment.
            with suppress(NatsError):
                agents.append(await stack.enter_async_context(connected(nats_suite.url, token_set)))
        tokens = token_service_pb2_grpc.TokenServiceStub(nats_suite.suite.channel("auth"))
        # Any revocation has them looked through at once.
        await tokens.RevokeToken(
            token_service_pb2.RevokeTokenRequest(subject="agent:nobody"),
            metadata=await nats_suite.suite.administrator(),
        )
        for oldest in agents[:2]:
            await asyncio.wait_for(oldest.closed.wait(), 20)
        assert all(agent.client.is_connected for agent in agents[2:])


async def test_frames_that_nobody_takes_are_bounded_in_bytes(bus: Bus) -> None:
    stream = NatsStream(bus.client, "s", "frames", "answers", Codec(PROTOBUF), message_service_pb2.ReceiveRequest)
    await stream.open(b"")
    size = 1024 * 1024 - 100
    for number in range(2, 9):
        await bus.client.publish("frames", bytes(size), headers={FRAME: str(number)})
    await asyncio.wait_for(stream.ended.wait(), 10)
    assert isinstance(stream.broken, TooManyFrames)
    frames = stream.frames()
    assert await anext(frames) == b""
    assert len(await anext(frames)) == size
    await stream.close()
