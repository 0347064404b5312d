"""Agents on NATS and agents on gRPC: the same mailbox, the same guarantees."""

import asyncio
from functools import partial
from uuid import uuid4

import pytest
from harness.eventually import eventually
from harness.grpc_agents import grpc_agent, grpc_messages
from harness.mailbox_service import MailAgent, ReceiveClient, acked, text, texts
from harness.nats_agents import NatsAgent, NatsFrames, NatsRefusal, NatsSuite
from rookery.orchestrator.v1 import (
    credits_pb2,
    message_service_pb2,
    payload_pb2,
    topic_service_pb2,
    topic_service_pb2_grpc,
)
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc

pytestmark = pytest.mark.capability("M8")


def sending(recipient: str, data: str, **fields: object) -> message_service_pb2.SendMessageRequest:
    return message_service_pb2.SendMessageRequest(
        recipient_agent_id=recipient,
        payload=payload_pb2.Payload(content_type="text/plain", data=data.encode()),
        **fields,  # type: ignore[arg-type]
    )


async def send(
    agent: NatsAgent, recipient: str, data: str, **fields: object
) -> message_service_pb2.SendMessageResponse:
    request = sending(recipient, data, **fields)
    return await agent.call("MessageService", "SendMessage", request, message_service_pb2.SendMessageResponse)


async def open_mailbox(agent: NatsAgent, *, grant: int = 10) -> NatsFrames:
    first = message_service_pb2.ReceiveRequest(open=message_service_pb2.OpenMailbox(session_epoch=agent.session_epoch))
    frames = await agent.open("MessageService", "Receive", first, message_service_pb2.ReceiveResponse)
    assert (await frames.next()).HasField("opened")
    if grant:
        await frames.send(message_service_pb2.ReceiveRequest(credits=credits_pb2.GrantCredits(count=grant)))
    return frames


async def deliveries(frames: NatsFrames, count: int) -> list[message_service_pb2.Delivery]:
    found: list[message_service_pb2.Delivery] = []
    while len(found) < count:
        found += (await frames.next()).deliveries.deliveries
    return found


async def settle(frames: NatsFrames, *settlements: message_service_pb2.Settlement) -> None:
    frame = message_service_pb2.ReceiveRequest(settle=message_service_pb2.SettleDeliveries(settlements=settlements))
    await frames.send(frame)


async def ack(frames: NatsFrames, *mail: message_service_pb2.Delivery) -> None:
    await settle(frames, *(acked(delivery) for delivery in mail))
    waiting = {delivery.delivery_id for delivery in mail}
    while waiting:
        waiting -= set((await frames.next()).settled.delivery_ids)


async def in_trail(nats_suite: NatsSuite, correlation_id: str) -> tuple[str, str]:
    """The recipients of a question and of its answer, once both are there."""
    request = message_service_pb2.ListMessagesRequest(correlation_id=correlation_id)
    administrator = await nats_suite.suite.administrator()
    found = (await grpc_messages(nats_suite).ListMessages(request, metadata=administrator)).messages
    assert len(found) == 2, found
    return found[1].message.recipient_agent_id, found[0].message.recipient_agent_id


async def test_agents_on_nats_and_on_grpc_talk_to_each_other(nats_suite: NatsSuite) -> None:
    async with nats_suite.agent("over-nats") as one, grpc_agent(nats_suite, "over-grpc") as (other, receiver):
        frames = await open_mailbox(one)
        sent = await send(one, other.id, "hello gRPC", type="greeting")
        assert sent.message.sender == f"agent:{one.id}"
        delivery = await receiver.delivery()
        assert (text(delivery), delivery.message.sender) == ("hello gRPC", f"agent:{one.id}")
        await receiver.ack(delivery)
        messages = grpc_messages(nats_suite)
        await messages.SendMessage(sending(one.id, "hello NATS"), metadata=other.metadata)
        (mail,) = await deliveries(frames, 1)
        assert (text(mail), mail.message.sender, mail.attempt) == ("hello NATS", f"agent:{other.id}", 1)
        await ack(frames, mail)


async def test_a_request_is_answered_both_ways(nats_suite: NatsSuite) -> None:
    async with nats_suite.agent("over-nats") as one, grpc_agent(nats_suite, "over-grpc") as (other, receiver):
        frames = await open_mailbox(one)
        question = payload_pb2.Payload(content_type="text/plain", data=b"?")
        messages = grpc_messages(nats_suite)
        asked = asyncio.ensure_future(
            messages.Request(
                message_service_pb2.RequestRequest(recipient_agent_id=one.id, payload=question),
                metadata=other.metadata,
                timeout=10,
            )
        )
        (mail,) = await deliveries(frames, 1)
        answer = message_service_pb2.SendMessageRequest(
            reply_address=mail.message.reply_address, payload=payload_pb2.Payload(data=b"over NATS")
        )
        await one.call("MessageService", "SendMessage", answer, message_service_pb2.SendMessageResponse)
        assert (await asked).reply.payload.data == b"over NATS"
        other_way = asyncio.ensure_future(
            one.call(
                "MessageService",
                "Request",
                message_service_pb2.RequestRequest(recipient_agent_id=other.id, payload=question),
                message_service_pb2.RequestResponse,
            )
        )
        delivery = await receiver.delivery()
        answer = message_service_pb2.SendMessageRequest(
            reply_address=delivery.message.reply_address, payload=payload_pb2.Payload(data=b"over gRPC")
        )
        await messages.SendMessage(answer, metadata=other.metadata)
        assert (await other_way).reply.payload.data == b"over gRPC"
        for asked_and_asking, put in ((one.id, other.id), mail), ((other.id, one.id), delivery):
            assert await eventually(partial(in_trail, nats_suite, put.message.id)) == asked_and_asking


async def test_the_same_message_sent_again_over_nats_is_delivered_once(nats_suite: NatsSuite) -> None:
    async with nats_suite.agent("one") as one:
        message_id = str(uuid4())
        assert not (await send(one, one.id, "once", message_id=message_id)).duplicate
        assert (await send(one, one.id, "once", message_id=message_id)).duplicate
        await send(one, one.id, "then")
        frames = await open_mailbox(one)
        assert texts(await deliveries(frames, 2)) == ["once", "then"]


async def test_mail_that_is_refused_over_nats_comes_again_and_mail_given_up_does_not(nats_suite: NatsSuite) -> None:
    async with nats_suite.agent("one") as one:
        frames = await open_mailbox(one)
        await send(one, one.id, "again")
        (mail,) = await deliveries(frames, 1)
        nack = message_service_pb2.Nack()
        nack.delay.FromMilliseconds(10)
        await settle(frames, message_service_pb2.Settlement(delivery_id=mail.delivery_id, nack=nack))
        (mail,) = await deliveries(frames, 1)
        assert (text(mail), mail.attempt) == ("again", 2)
        given_up = message_service_pb2.Settlement(
            delivery_id=mail.delivery_id, terminate=message_service_pb2.Terminate(reason="enough")
        )
        await settle(frames, given_up)
        assert list((await frames.next()).settled.delivery_ids) == [mail.delivery_id]


async def test_what_a_lost_connection_left_unsettled_comes_to_the_next_at_once(nats_suite: NatsSuite) -> None:
    token_set = await nats_suite.enroll()
    async with nats_suite.agent("one", token_set) as one:
        await send(one, one.id, "unsettled")
        frames = await open_mailbox(one)
        assert texts(await deliveries(frames, 1)) == ["unsettled"]
    async with nats_suite.agent("one", token_set) as one:
        frames = await open_mailbox(one)
        (mail,) = await deliveries(frames, 1)
        assert (text(mail), mail.attempt) == ("unsettled", 2)
        await ack(frames, mail)


async def test_a_later_session_on_grpc_takes_the_mailbox_from_one_on_nats(nats_suite: NatsSuite) -> None:
    token_set = await nats_suite.enroll()
    async with nats_suite.agent("one", token_set) as one:
        frames = await open_mailbox(one)
        metadata = (("authorization", f"Bearer {token_set.access_token}"),)
        registry = agent_service_pb2_grpc.AgentServiceStub(nats_suite.suite.channel("registry"))
        again = (
            await registry.RegisterAgent(agent_service_pb2.RegisterAgentRequest(name="one"), metadata=metadata)
        ).agent
        receiver = ReceiveClient(grpc_messages(nats_suite).Receive(metadata=metadata))
        await receiver.open(MailAgent(again.id, "one", again.session_epoch, metadata))
        await receiver.opened()
        with pytest.raises(NatsRefusal) as caught:
            await frames.next()
        assert caught.value.reason == "SESSION_SUPERSEDED"
        receiver.call.cancel()


async def test_a_lost_frame_ends_the_stream_and_its_mail_comes_again(nats_suite: NatsSuite) -> None:
    async with nats_suite.agent("one") as one:
        await send(one, one.id, "kept")
        for broken_by in ("a ping", "a frame"):
            frames = await open_mailbox(one)
            assert texts(await deliveries(frames, 1)) == ["kept"]
            if broken_by == "a ping":
                await frames.ping(9)
            else:
                more = credits_pb2.GrantCredits(count=1)
                await frames.send(message_service_pb2.ReceiveRequest(credits=more), number=7)
            with pytest.raises(NatsRefusal) as caught:
                await frames.next()
            assert (caught.value.code, caught.value.reason) == (14, "BUS_UNAVAILABLE")


async def test_pings_are_answered_and_a_stream_that_its_agent_ends_ends_in_good_order(nats_suite: NatsSuite) -> None:
    async with nats_suite.agent("one") as one:
        frames = await open_mailbox(one)
        await frames.ping()
        await send(one, one.id, "hello")
        await deliveries(frames, 1)
        await frames.ping()
        await send(one, one.id, "again")
        await deliveries(frames, 1)
        assert frames.pongs == [1, 2]
        await frames.send(None)
        assert await frames.next() is None


async def test_members_of_a_topic_are_on_nats_and_on_grpc(nats_suite: NatsSuite) -> None:
    administrator = await nats_suite.suite.administrator()
    topics = topic_service_pb2_grpc.TopicServiceStub(nats_suite.suite.channel("orchestrator"))
    await topics.CreateTopic(topic_service_pb2.CreateTopicRequest(topic="news"), metadata=administrator)
    joining = topic_service_pb2.JoinTopicRequest(topic="news")
    async with nats_suite.agent("over-nats") as one, grpc_agent(nats_suite, "over-grpc") as (other, receiver):
        await one.call("TopicService", "JoinTopic", joining, topic_service_pb2.JoinTopicResponse)
        await topics.JoinTopic(joining, metadata=other.metadata)
        frames = await open_mailbox(one)
        watched = await one.open(
            "TopicService",
            "Subscribe",
            topic_service_pb2.SubscribeRequest(topic="news"),
            topic_service_pb2.SubscribeResponse,
        )
        assert (await watched.next()).HasField("opened")
        payload = payload_pb2.Payload(content_type="text/plain", data=b"to all")
        publication = topic_service_pb2.PublishRequest(topic="news", payload=payload)
        assert (await topics.Publish(publication, metadata=administrator)).recipient_count == 2
        assert texts(await deliveries(frames, 1)) == ["to all"]
        assert text(await receiver.delivery()) == "to all"
        assert (await watched.next()).publication.message.payload.data == b"to all"
        answer = await one.call("TopicService", "Publish", publication, topic_service_pb2.PublishResponse)
        assert answer.recipient_count == 1
        assert text(await receiver.delivery()) == "to all"


async def test_calls_in_json_need_no_generated_code(nats_suite: NatsSuite) -> None:
    async with nats_suite.agent("one") as one:
        status, answer = await one.call_json(
            "MessageService", "SendMessage", {"recipientName": "one", "type": "note", "payload": {"data": "aGk="}}
        )
        assert (status, answer["message"]["type"]) == ("0", "note")
        status, answer = await one.call_json("MessageService", "SendMessage", {"recipientName": "nobody"})
        assert (status, answer["details"][0]["reason"]) == ("5", "RECIPIENT_NOT_FOUND")
        for wrong in ({"recipientName": 5}, {"unknown": 1}, {"recipientAgentId": "x"}):
            status, answer = await one.call_json("MessageService", "SendMessage", wrong)
            assert (status, answer["details"][0]["reason"]) == ("3", "INVALID_FIELD")


async def test_mail_reaches_an_agent_on_nats_after_kills_of_orchestrator_and_nats(nats_suite: NatsSuite) -> None:
    suite = nats_suite.suite
    async with grpc_agent(nats_suite, "over-grpc") as (other, _):
        token_set = await nats_suite.enroll()
        async with nats_suite.agent("over-nats", token_set) as one:
            messages = grpc_messages(nats_suite)
            await messages.SendMessage(sending(one.id, "before"), metadata=other.metadata)
            frames = await open_mailbox(one)
            assert texts(await deliveries(frames, 1)) == ["before"]
            await suite.kill("orchestrator")
            await suite.start("orchestrator")
            frames = await open_mailbox(one)
            (mail,) = await deliveries(frames, 1)
            assert text(mail) == "before"
            await ack(frames, mail)
            await messages.SendMessage(sending(one.id, "after"), metadata=other.metadata, wait_for_ready=True)
        await nats_suite.server.kill()
        await nats_suite.server.start()

        async def again() -> bool:
            async with nats_suite.agent("over-nats", token_set) as one:
                frames = await open_mailbox(one)
                mail = await deliveries(frames, 1)
                await ack(frames, *mail)
                return texts(mail) == ["after"]

        await eventually(again, within=30, retry=(Exception,))
