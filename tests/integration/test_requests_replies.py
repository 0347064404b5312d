"""Asking an agent and waiting for its answer."""

from collections.abc import AsyncIterator
from uuid import uuid4

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.free_ports import free_port
from harness.mailbox_service import KnownAgents, MailService, mail_service_at, running_mail_service, text
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.requests import answer, ask
from harness.tokens import TokenMint
from rookery.orchestrator.v1 import message_service_pb2
from rookery_kit.rpc import open_channel

pytestmark = pytest.mark.capability("M5")


@pytest.fixture
async def service(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as running:
        yield running


async def test_a_request_is_answered_to_a_user_and_to_an_agent(service: MailService) -> None:
    expert, asker = service.agent("expert"), service.agent("asker")
    async with service.receiving(expert, grant=5) as receiver, service.receiving(asker, grant=5) as own_mail:
        for metadata in (service.mint.bearer(), asker.metadata):
            asked = ask(service, expert, "2+2?", type="sum", metadata=metadata)
            delivery = await receiver.delivery()
            question = delivery.message
            assert (text(delivery), question.type) == ("2+2?", "sum")
            assert question.correlation_id == question.id
            assert question.HasField("reply_deadline")
            await answer(service, expert, question, "4")
            reply = (await asked).reply
            assert (reply.payload.data, reply.correlation_id) == (b"4", question.id)
            assert reply.sender == f"agent:{expert.id}"
            await receiver.ack(delivery)
        assert reply.recipient_agent_id == asker.id
        await service.send(asker, "the mailbox is clean")
        assert text(await own_mail.delivery()) == "the mailbox is clean"


async def test_a_request_that_nobody_answers_ends_with_its_deadline(service: MailService) -> None:
    expert = service.agent("expert")
    message_id = str(uuid4())
    refused = await refusal(ask(service, expert, "anybody?", timeout=0.5, message_id=message_id))
    assert (refused.code, refused.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "REQUEST_UNANSWERED")
    assert refused.metadata == {"message_id": message_id}


async def test_a_request_that_could_not_be_sent_in_time_is_not_said_to_be_unanswered(
    service: MailService, nats_server: RestartableNats
) -> None:
    expert = service.agent("expert")
    await nats_server.kill()
    refused = await refusal(ask(service, expert, "anybody?", timeout=1.0))
    assert refused.code is grpc.StatusCode.UNAVAILABLE
    await nats_server.restart()


async def test_a_late_answer_is_kept_for_the_same_request_sent_again(service: MailService) -> None:
    expert = service.agent("expert")
    message_id = str(uuid4())
    async with service.receiving(expert, grant=5) as receiver:
        await refusal(ask(service, expert, "slow?", timeout=0.3, message_id=message_id))
        delivery = await receiver.delivery()
        await answer(service, expert, delivery.message, "yes")
        await receiver.ack(delivery)
        reply = (await ask(service, expert, "slow?", message_id=message_id)).reply
        assert (reply.payload.data, reply.correlation_id) == (b"yes", message_id)
        await service.send(expert, "it was not asked again")
        assert text(await receiver.delivery()) == "it was not asked again"


async def test_of_several_answers_the_first_counts(service: MailService) -> None:
    expert = service.agent("expert")
    message_id = str(uuid4())
    async with service.receiving(expert, grant=5) as receiver:
        asked = ask(service, expert, "?", message_id=message_id)
        question = (await receiver.delivery()).message
        first = str(uuid4())
        assert not (await answer(service, expert, question, "one", first)).duplicate
        assert (await answer(service, expert, question, "one", first)).duplicate
        assert (await answer(service, expert, question, "two")).duplicate
        assert (await asked).reply.payload.data == b"one"
        assert (await ask(service, expert, "?", message_id=message_id)).reply.payload.data == b"one"


async def test_only_the_agent_that_was_asked_can_answer(service: MailService) -> None:
    expert, intruder = service.agent("expert"), service.agent("intruder")
    async with service.receiving(expert, grant=5) as receiver:
        asked = ask(service, expert, "?")
        question = (await receiver.delivery()).message
        await answer(service, intruder, question, "a lie")
        await answer(service, expert, question, "the truth")
        assert (await asked).reply.payload.data == b"the truth"
    refused = await refusal(
        service.messages.SendMessage(
            message_service_pb2.SendMessageRequest(reply_address=question.reply_address),
            metadata=service.mint.bearer(),
        )
    )
    assert refused.reason == "NOT_AN_AGENT"


async def test_two_who_ask_under_the_same_id_get_an_answer_each(service: MailService) -> None:
    expert, asker = service.agent("expert"), service.agent("asker")
    message_id = str(uuid4())
    async with service.receiving(expert, grant=5) as receiver:
        asked = {
            "user:admin": ask(service, expert, "?", message_id=message_id),
            f"agent:{asker.id}": ask(service, expert, "?", message_id=message_id, metadata=asker.metadata),
        }
        for delivery in await receiver.deliveries(2):
            await answer(service, expert, delivery.message, f"to {delivery.message.sender}")
        for sender, reply in asked.items():
            assert (await reply).reply.payload.data.decode() == f"to {sender}"


async def test_the_answer_comes_through_another_replica_and_over_an_outage_of_the_bus(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    agents, mint = KnownAgents(), TokenMint()
    async with (
        running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as one,
        running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as other,
    ):
        expert = one.agent("expert")
        async with other.receiving(expert, grant=5) as receiver:
            asked = ask(one, expert, "?", timeout=30)
            delivery = await receiver.delivery()
            await nats_server.kill()
            await nats_server.restart()
            reply_id = str(uuid4())

            async def answered() -> bool:
                return bool(await answer(other, expert, delivery.message, "over there", reply_id))

            await eventually(answered, retry=(grpc.aio.AioRpcError,))
            assert (await asked).reply.payload.data == b"over there"


async def test_who_loses_the_orchestrator_asks_again_and_the_request_is_handled_once(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    agents, mint = KnownAgents(), TokenMint()
    message_id, listen = str(uuid4()), f"127.0.0.1:{free_port()}"
    channel = open_channel(listen)
    async with running_mail_service(fresh_database, nats_server, agents=agents, mint=mint, listen=listen) as service:
        expert = service.agent("expert")
        lasting = mail_service_at(channel, mint, agents)
        async with service.receiving(expert, grant=5) as receiver:
            asked = ask(lasting, expert, "?", timeout=60, message_id=message_id)
            delivery = await receiver.delivery()
            await receiver.ack(delivery)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await asked
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    async with running_mail_service(fresh_database, nats_server, agents=agents, mint=mint, listen=listen) as service:
        await answer(service, expert, delivery.message, "at last")
        reply = await ask(lasting, expert, "?", message_id=message_id)
        assert reply.reply.payload.data == b"at last"
        async with service.receiving(expert, grant=5) as receiver:
            await service.send(expert, "it was not asked again")
            assert text(await receiver.delivery()) == "it was not asked again"
    await channel.close()
