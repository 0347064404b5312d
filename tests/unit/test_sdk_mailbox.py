import asyncio
from collections.abc import AsyncIterator

import pytest
from harness.eventually import eventually
from rookery.orchestrator.v1 import message_pb2, message_service_pb2
from rookery_sdk.frames import Outbound
from rookery_sdk.mailbox import Mailbox, RecentIds
from rookery_sdk.stop import Stop


class Sent(Outbound[message_service_pb2.ReceiveRequest]):
    """Keeps what is sent instead of writing it."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[message_service_pb2.ReceiveRequest] = []

    def send(self, frame: message_service_pb2.ReceiveRequest) -> None:
        self.frames.append(frame)

    def settled(self) -> list[tuple[int, str | None]]:
        return [
            (each.delivery_id, each.WhichOneof("action")) for frame in self.frames for each in frame.settle.settlements
        ]

    def frames_of_settlements(self) -> list[int]:
        return [len(frame.settle.settlements) for frame in self.frames if frame.HasField("settle")]

    def granted(self) -> list[int]:
        return [frame.credits.count for frame in self.frames if frame.HasField("credits")]

    def credits(self) -> int:
        return sum(self.granted())


class Handler:
    """Handles messages when it is told to; `verdicts` says what becomes of one, by id."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.may_end: dict[str, asyncio.Event] = {}
        self.verdicts: dict[str, str] = {}

    async def handle(self, delivery: message_service_pb2.Delivery) -> message_service_pb2.Settlement:
        message_id = delivery.message.id
        self.begun.append(message_id)
        await self.gate(message_id).wait()
        settlement = message_service_pb2.Settlement(delivery_id=delivery.delivery_id)
        getattr(settlement, self.verdicts.get(message_id, "ack")).SetInParent()
        return settlement

    def gate(self, message_id: str) -> asyncio.Event:
        return self.may_end.setdefault(message_id, asyncio.Event())


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
async def mailbox(handler: Handler) -> AsyncIterator[Mailbox]:
    link = Mailbox(handler.handle, concurrency=3)
    yield link
    await link.abandon()


def attached(mailbox: Mailbox) -> Sent:
    sent = Sent()
    mailbox.attach(sent, message_service_pb2.ReceiveResponse(opened=message_service_pb2.MailboxOpened()))
    return sent


def deliveries(*given: tuple[int, str, str], attempt: int = 1) -> message_service_pb2.ReceiveResponse:
    """Deliveries as (delivery id, message id, sender)."""
    return message_service_pb2.ReceiveResponse(
        deliveries=message_service_pb2.Deliveries(
            deliveries=[
                message_service_pb2.Delivery(
                    delivery_id=number, message=message_pb2.Message(id=message_id, sender=sender), attempt=attempt
                )
                for number, message_id, sender in given
            ]
        )
    )


def settled(*delivery_ids: int) -> message_service_pb2.ReceiveResponse:
    return message_service_pb2.ReceiveResponse(settled=message_service_pb2.Settled(delivery_ids=delivery_ids))


async def test_a_handled_message_is_acknowledged_and_frees_a_credit(mailbox: Mailbox, handler: Handler) -> None:
    sent = attached(mailbox)
    for number, name in enumerate(("m1", "m2"), 1):
        handler.gate(name).set()
        mailbox.take(deliveries((number, name, "a")))
    await eventually(lambda: sent.settled() == [(1, "ack"), (2, "ack")])
    assert sent.granted() == [3, 2]


async def test_credits_are_granted_anew_once_more_are_free_than_are_left(mailbox: Mailbox, handler: Handler) -> None:
    sent = attached(mailbox)
    mailbox.take(deliveries((1, "m1", "a"), (2, "m2", "b"), (3, "m3", "c")))
    await eventually(lambda: handler.begun == ["m1", "m2", "m3"])
    assert sent.granted() == [3]
    handler.gate("m3").set()
    await eventually(lambda: sent.granted() == [3, 1])


async def test_acknowledgements_that_follow_one_another_soon_share_a_frame(mailbox: Mailbox, handler: Handler) -> None:
    sent = attached(mailbox)
    for name in ("m1", "m2", "m3"):
        handler.gate(name).set()
    mailbox.take(deliveries((1, "m1", "a"), (2, "m2", "b"), (3, "m3", "c")))
    await eventually(lambda: len(sent.settled()) == 3)
    assert sent.frames_of_settlements() == [1, 2]


@pytest.mark.parametrize("verdict", ["nack", "terminate"])
async def test_what_becomes_of_a_message_is_the_handlers_word(mailbox: Mailbox, handler: Handler, verdict: str) -> None:
    sent = attached(mailbox)
    handler.verdicts["m1"] = verdict
    handler.gate("m1").set()
    mailbox.take(deliveries((1, "m1", "a")))
    await eventually(lambda: sent.settled() == [(1, verdict)])
    mailbox.take(deliveries((2, "m1", "a"), attempt=2))
    await eventually(lambda: sent.settled() == [(1, verdict), (2, verdict)])
    assert handler.begun == ["m1", "m1"]


async def test_messages_of_one_sender_are_handled_in_turn_and_of_different_senders_beside_each_other(
    mailbox: Mailbox, handler: Handler
) -> None:
    sent = attached(mailbox)
    mailbox.take(deliveries((1, "m1", "a"), (2, "m2", "a"), (3, "m3", "b")))
    await eventually(lambda: handler.begun == ["m1", "m3"])
    handler.gate("m2").set()
    handler.gate("m1").set()
    await eventually(lambda: sent.settled() == [(1, "ack"), (2, "ack")])
    assert handler.begun == ["m1", "m3", "m2"]


async def test_a_message_that_comes_again_after_its_acknowledgement_was_lost_is_not_handled_again(
    mailbox: Mailbox, handler: Handler
) -> None:
    attached(mailbox)
    handler.gate("m1").set()
    mailbox.take(deliveries((1, "m1", "a")))
    await eventually(lambda: not mailbox._in_hand)
    mailbox.detach()
    sent = attached(mailbox)
    mailbox.take(deliveries((1, "m1", "a"), attempt=2))
    await eventually(lambda: sent.settled() == [(1, "ack")])
    assert handler.begun == ["m1"]


async def test_a_message_that_comes_again_while_it_is_handled_is_settled_where_it_came_last(
    mailbox: Mailbox, handler: Handler
) -> None:
    attached(mailbox)
    mailbox.take(deliveries((7, "m1", "a")))
    mailbox.detach()
    sent = attached(mailbox)
    mailbox.take(deliveries((1, "m1", "a"), attempt=2))
    handler.gate("m1").set()
    await eventually(lambda: sent.settled() == [(1, "ack")])
    assert handler.begun == ["m1"]


async def test_what_is_in_hand_takes_up_credits_of_the_next_stream(mailbox: Mailbox, handler: Handler) -> None:
    attached(mailbox)
    mailbox.take(deliveries((1, "m1", "a")))
    mailbox.detach()
    assert attached(mailbox).credits() == 2
    assert handler.begun == []


async def test_a_draining_agent_handles_what_it_has_asked_for_and_asks_for_nothing_more(
    mailbox: Mailbox, handler: Handler
) -> None:
    sent = attached(mailbox)
    mailbox.take(deliveries((1, "m1", "a")))
    await eventually(lambda: handler.begun == ["m1"])
    draining = asyncio.create_task(mailbox.drain(Stop(), grace=10))
    await eventually(lambda: mailbox._draining)
    mailbox.take(deliveries((2, "m2", "a")))
    handler.gate("m1").set()
    handler.gate("m2").set()
    await eventually(lambda: sent.settled() == [(1, "ack"), (2, "ack")])
    assert not draining.done()
    mailbox.take(settled(1, 2))
    await asyncio.wait_for(draining, 1)
    assert sent.credits() == 3


async def test_what_is_not_done_within_the_grace_is_left_to_come_again(mailbox: Mailbox, handler: Handler) -> None:
    sent = attached(mailbox)
    mailbox.take(deliveries((1, "m1", "a")))
    await eventually(lambda: handler.begun == ["m1"])
    await asyncio.wait_for(mailbox.drain(Stop(), grace=0.01), 1)
    assert sent.settled() == []


async def test_hurry_cuts_the_grace_short(mailbox: Mailbox, handler: Handler) -> None:
    attached(mailbox)
    mailbox.take(deliveries((1, "m1", "a")))
    await eventually(lambda: handler.begun == ["m1"])
    stop = Stop()
    stop.ask()
    stop.ask()
    await asyncio.wait_for(mailbox.drain(stop, grace=600), 1)


def test_recent_ids_are_remembered_up_to_a_bound() -> None:
    recent = RecentIds(most=2)
    for each in ("a", "b", "a", "c"):
        recent.add(each)
    assert ("a" in recent, "b" in recent, "c" in recent) == (True, False, True)
