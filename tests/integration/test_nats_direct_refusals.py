"""What the broker keeps from agents that connect to it themselves."""

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

import nats
import pytest
from google.rpc import error_details_pb2, status_pb2
from harness.eventually import eventually
from harness.nats_agents import NatsAgent, NatsRefusal, NatsSuite, connected, refused_connection
from harness.nats_server import PASSWORD
from nats.aio.msg import Msg
from rookery.auth.v1 import token_service_pb2, token_service_pb2_grpc
from rookery.orchestrator.v1 import message_service_pb2

pytestmark = pytest.mark.capability("A9")
_STRANGER = "0d2f0c1e-7a64-4a0b-9c0f-7f7f4f1f6a11"
FOREIGN_TO_READ = (
    ">",
    "*",
    "$SYS.>",
    "$SYS.REQ.USER.AUTH",
    "$SYS.ACCOUNT.>",
    "$JS.>",
    "$JS.API.>",
    "$JS.EVENT.>",
    "$KV.>",
    "rk.>",
    "rk.*.mail.*.*",
    "rk.default.>",
    "rk.default.mail.{own}.high",
    "rk.default.mail.{own}.*",
    "rk.default.topic.>",
    "rk.default.event.>",
    "rk.default.dlq.{own}",
    "rk.default.reply.>",
    "rk.default.identity.>",
    "rk.*.agent.*.call.>",
    "rk.default.agent.{own}.call.>",
    "rk.default.agent.{own}.stream.>",
    "rk.default.agent." + _STRANGER + ".>",
    "_INBOX.>",
    "_INBOX.*",
    "_INBOX.{own}.>",
    "_INBOX.{own}.*",
    "_INBOX.{own}." + _STRANGER + ".>",
    "_INBOX." + _STRANGER + ".>",
    "_R_.>",
)
FOREIGN_TO_WRITE = (
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.USER.AUTH",
    "$SYS.REQ.ACCOUNT.ROOKERY.CONNZ",
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.CREATE.MINE",
    "$JS.API.STREAM.DELETE.MAIL",
    "$JS.API.STREAM.PURGE.MAIL",
    "$JS.API.STREAM.MSG.GET.MAIL",
    "$JS.API.DIRECT.GET.MAIL",
    "$JS.API.CONSUMER.CREATE.MAIL",
    "$JS.API.CONSUMER.DURABLE.CREATE.MAIL.mine",
    "$JS.API.CONSUMER.MSG.NEXT.MAIL.mail_default_{own}_high",
    "$JS.API.CONSUMER.DELETE.MAIL.mail_default_{own}_high",
    "$JS.ACK.MAIL.mail_default_{own}_high.1.1.1.1.1",
    "$JS.FC.MAIL.x.y",
    "$KV.bucket.key",
    "rk.default.mail.{own}.high",
    "rk.default.mail." + _STRANGER + ".high",
    "rk.acme.mail." + _STRANGER + ".high",
    "rk.default.topic.news",
    "rk.default.event.agent.{own}",
    "rk.default.event.audit.x",
    "rk.default.event.tenant_deletion.default",
    "rk.default.event.tenant_erasure.registry",
    "rk.default.dlq.{own}",
    "rk.default.reply.{own}.x",
    "rk.default.trail.x",
    "rk.default.session.{own}",
    "rk.default.identity.beat",
    "rk.default.identity.revocation.x",
    "rk.usage",
    "rk.default.agent." + _STRANGER + ".call.MessageService.SendMessage",
    "rk.acme.agent.{own}.call.MessageService.SendMessage",
    "rk.default.agent.{own}.call.AgentService.DoesNotExist",
    "rk.default.agent.{own}.call.TopicService.DeleteTopic",
    "rk.default.agent.{own}.call",
    "rk.default.agent.{own}.stream.x",
    "rk.default.agent.{own}.stream." + _STRANGER + ".x",
    "_INBOX.{own}.x",
    "_INBOX." + _STRANGER + ".x",
)


async def until_told(agent: NatsAgent, said: str) -> None:
    """Waits until the broker has told the agent so."""
    await eventually(lambda: any(said in problem.lower() for problem in agent.problems))


async def test_every_foreign_subject_is_refused(nats_suite: NatsSuite) -> None:
    token_set = await nats_suite.enroll()
    async with connected(nats_suite.url, token_set) as agent:
        for pattern in FOREIGN_TO_READ:
            subject = pattern.format(own=agent.id)
            await agent.client.subscribe(subject)
            said = f'permissions violation for subscription to "{subject.lower()}"'
            await until_told(agent, said)
        for pattern in FOREIGN_TO_WRITE:
            subject = pattern.format(own=agent.id)
            await agent.client.publish(subject, b"x")
            said = f'permissions violation for publish to "{subject.lower()}"'
            await until_told(agent, said)
        assert agent.client.is_connected


async def test_answers_go_to_the_own_inbox_and_nowhere_else(nats_suite: NatsSuite) -> None:
    async with AsyncExitStack() as stack:
        agent = await stack.enter_async_context(nats_suite.agent("deputy"))
        service = await nats.connect(nats_suite.server.url("orchestrator"))
        stack.push_async_callback(service.close)
        heard: list[str] = []

        async def hear(message: Msg) -> None:
            heard.append(message.subject)

        aims = (f"rk.default.mail.{_STRANGER}.high", f"_INBOX.{_STRANGER}.x", "$SYS.REQ.SERVER.PING")
        for aim in aims[:2]:
            await service.subscribe(aim, cb=hear)
        await service.flush()
        for aim in aims:
            await agent.client.publish(
                agent.subject("AgentService", "ListAgents"),
                b"",
                reply=aim,
                headers={"authorization": f"Bearer {agent.token}"},
            )
        # What is answered properly was asked after it, over the same connection.
        with pytest.raises(NatsRefusal) as caught:
            await agent.call(
                "MessageService",
                "SendMessage",
                message_service_pb2.SendMessageRequest(recipient_name="nobody"),
                message_service_pb2.SendMessageResponse,
            )
        assert caught.value.reason == "RECIPIENT_NOT_FOUND"
        await service.flush()
        assert heard == []


@pytest.mark.parametrize("password", ["", "nonsense", "a.b.c", PASSWORD])
async def test_who_has_no_access_token_is_not_let_in(nats_suite: NatsSuite, password: str) -> None:
    assert "authorization violation" in (await refused_connection(nats_suite.url, password)).lower()


async def test_a_token_of_a_user_or_a_forged_one_is_not_let_in(nats_suite: NatsSuite) -> None:
    (header,) = await nats_suite.suite.administrator()
    token = header[1].removeprefix("Bearer ")
    head, claims, signature = token.split(".")
    for password in (token, f"{head}.{claims}.{signature[::-1]}", f"{head}.{claims}."):
        assert "authorization violation" in (await refused_connection(nats_suite.url, password)).lower()


async def test_the_token_in_a_call_must_be_that_of_the_agent_whose_connection_it_is(nats_suite: NatsSuite) -> None:
    async with nats_suite.agent("one") as one, nats_suite.agent("other") as other:
        request = message_service_pb2.SendMessageRequest(recipient_agent_id=one.id, message_id=str(uuid4()))
        for token, reason in ((other.token, "TOKEN_INVALID"), ("nonsense", "TOKEN_INVALID")):
            with pytest.raises(NatsRefusal) as caught:
                await one.call(
                    "MessageService", "SendMessage", request, message_service_pb2.SendMessageResponse, token=token
                )
            assert (caught.value.code, caught.value.reason) == (16, reason)


async def test_a_call_in_another_encoding_is_refused_by_the_name_of_the_header(nats_suite: NatsSuite) -> None:
    async with nats_suite.agent("one") as agent:
        answer = await agent.client.request(
            agent.subject("AgentService", "ListAgents"),
            b"{}",
            timeout=10,
            headers={"authorization": f"Bearer {agent.token}", "content-type": "text/json"},
        )
    assert answer.headers is not None
    assert (answer.headers["grpc-status"], answer.headers["content-type"]) == ("3", "application/protobuf")
    status = status_pb2.Status.FromString(answer.data)
    assert status.message == "content-type must be application/protobuf or application/json"
    broken = error_details_pb2.BadRequest()
    assert [each.field for detail in status.details if detail.Unpack(broken) for each in broken.field_violations] == [
        "content-type"
    ]


@pytest.mark.capability("A2")
async def test_a_revoked_token_is_not_let_in_and_its_connection_ends(nats_suite: NatsSuite) -> None:
    token_set, kept = await nats_suite.enroll(), await nats_suite.enroll()
    tokens = token_service_pb2_grpc.TokenServiceStub(nats_suite.suite.channel("auth"))
    async with connected(nats_suite.url, token_set) as agent, connected(nats_suite.url, kept) as other:
        await tokens.RevokeToken(
            token_service_pb2.RevokeTokenRequest(token=token_set.access_token),
            metadata=await nats_suite.suite.administrator(),
        )
        await asyncio.wait_for(agent.closed.wait(), 10)
        assert other.client.is_connected
        assert "authorization violation" in (await refused_connection(nats_suite.url, agent.token)).lower()
