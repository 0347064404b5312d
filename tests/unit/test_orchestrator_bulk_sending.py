"""How much of one SendMessages stream is on its way at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

import pytest
from harness.eventually import eventually
from harness.mailbox_service import KnownAgents
from rookery.orchestrator.v1 import message_service_pb2, payload_pb2
from rookery_kit.clock import SystemClock, new_id
from rookery_kit.identity import Principal
from rookery_kit.rpc.call import Call
from rookery_orchestrator.directory import KnownAgent
from rookery_orchestrator.mailbox.broker import MailBroker, Posted
from rookery_orchestrator.mailbox.delayed import DelayedMail
from rookery_orchestrator.mailbox.mailroom import Mailroom
from rookery_orchestrator.mailbox.model import Message
from rookery_orchestrator.mailbox.sending import SendMessage
from rookery_orchestrator.rpc.bulk_sending import BulkSending

SENDER = Principal("user:ann", "acme", (), frozenset(), "token", datetime.max.replace(tzinfo=UTC))
AGENT_ID = str(uuid4())


class HeldMail:
    """Takes mail and answers nothing until it is told to."""

    def __init__(self) -> None:
        self.taken = 0
        self._held: list[asyncio.Future[Sequence[Posted]]] = []

    def put_all(self, _tenant: str, messages: Sequence[Message]) -> asyncio.Future[Sequence[Posted]]:
        self.taken += len(messages)
        held: asyncio.Future[Sequence[Posted]] = asyncio.get_running_loop().create_future()
        self._held.append(held)
        return held

    def answer(self, only: int | None = None) -> None:
        answered, self._held = self._held[:only], self._held[len(self._held[:only]) :]
        for held in answered:
            held.set_result([False])


async def frames(count: int, size: int) -> AsyncIterator[message_service_pb2.SendMessagesRequest]:
    for _ in range(count):
        message = message_service_pb2.SendMessageRequest(
            recipient_agent_id=AGENT_ID, payload=payload_pb2.Payload(data=b"x" * size)
        )
        yield message_service_pb2.SendMessagesRequest(messages=[message])


def bulk_sending(mail: HeldMail) -> BulkSending:
    agents = KnownAgents()
    agents.add(KnownAgent(AGENT_ID, "acme", "scribe", (), True, 1, 1))
    mailroom = Mailroom(cast("MailBroker", mail), cast("DelayedMail", None))
    return BulkSending(SendMessage(mailroom, agents, SystemClock(), new_id))


@pytest.mark.parametrize(("size", "at_a_time"), [(100, 256), (300_000, 8)])
async def test_many_small_batches_are_on_their_way_at_a_time_and_few_large_ones(size: int, at_a_time: int) -> None:
    mail = HeldMail()
    sending = bulk_sending(mail)
    answers = 0

    async def send() -> None:
        nonlocal answers
        async for frame in sending.serve(Call(None, "SendMessages", {}, SENDER), frames(300, size)):
            answers += len(frame.results)

    task = asyncio.create_task(send())
    for answered in range(0, 300, at_a_time):
        await eventually(lambda: (mail.taken, answers) == (min(300, answered + at_a_time), answered))  # noqa: B023
        mail.answer()
    await task
    assert (mail.taken, answers) == (300, 300)


async def test_results_that_are_known_together_share_a_frame_and_none_waits_for_another() -> None:
    mail = HeldMail()
    answers: list[int] = []

    async def send() -> None:
        nonlocal answers
        several = bulk_sending(mail).serve(Call(None, "SendMessages", {}, SENDER), frames(5, 100))
        async for frame in several:
            answers += [len(frame.results)]

    task = asyncio.create_task(send())
    await eventually(lambda: mail.taken == 5)
    mail.answer(only=2)
    await eventually(lambda: answers == [2])
    mail.answer()
    await task
    assert answers == [2, 3]
