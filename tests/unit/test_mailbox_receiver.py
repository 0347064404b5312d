"""The receiver against a mailbox in memory: credits, room, redelivery, the end of a stream."""

import asyncio
from collections.abc import Sequence

import pytest
from harness.eventually import eventually
from harness.mailbox_in_memory import MailboxInMemory, piece, stream
from rookery_orchestrator.mailbox import receiver
from rookery_orchestrator.mailbox.broker import Handle, Settling, Verdict
from rookery_orchestrator.mailbox.frames import (
    Deliveries,
    GrantCredits,
    OpenMailbox,
    Settled,
)
from rookery_orchestrator.mailbox.model import Action, DeadReason, DeliveryOutcome, Failure, Settlement
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.session_errors import SessionSuperseded, StreamProtocol


@pytest.mark.capability("M9")
async def test_no_more_is_taken_out_than_there_are_credits() -> None:
    mailbox = MailboxInMemory(*(piece(number) for number in range(1, 11)))
    async with stream(mailbox, grant=3) as agent:
        assert [delivery.delivery_id for delivery in await agent.deliveries()] == [1, 2, 3]
        agent.send(GrantCredits(2))
        assert [delivery.delivery_id for delivery in await agent.deliveries()] == [4, 5]
        assert len(mailbox.mail) == 5
    assert mailbox.returned == [1, 2, 3, 4, 5]


async def test_no_more_is_in_flight_than_the_policy_allows() -> None:
    mailbox = MailboxInMemory(*(piece(number) for number in range(1, 11)))
    async with stream(mailbox, grant=100, policy=DeliveryPolicy(max_in_flight=4)) as agent:
        assert len(await agent.deliveries()) == 4
        agent.settle(Settlement(1, Action.ACK))
        frames = [await agent.next(), await agent.next()]
        assert Settled((1,), ()) in frames
        assert [len(frame.deliveries) for frame in frames if isinstance(frame, Deliveries)] == [1]


async def test_room_that_is_made_while_others_are_being_settled_is_used() -> None:
    mailbox = MailboxInMemory(*(piece(number) for number in range(1, 5)))
    async with stream(mailbox, grant=100, policy=DeliveryPolicy(max_in_flight=2)) as agent:
        assert len(await agent.deliveries()) == 2
        mailbox.may_settle.clear()
        agent.settle(Settlement(1, Action.ACK))
        assert [delivery.delivery_id for delivery in await agent.deliveries()] == [3]
        agent.settle(Settlement(2, Action.ACK))
        mailbox.may_settle.set()
        frames = [await agent.next() for _ in range(3)]
        assert [frame.delivery_ids for frame in frames if isinstance(frame, Settled)] == [(1,), (2,)]
        assert [frame.deliveries[0].delivery_id for frame in frames if isinstance(frame, Deliveries)] == [4]


async def test_a_frame_holds_no_more_than_a_client_can_take() -> None:
    mailbox = MailboxInMemory(*(piece(number, size=512 * 1024) for number in range(1, 6)))
    async with stream(mailbox, grant=5) as agent:
        assert [len(await agent.deliveries()) for _ in range(3)] == [2, 2, 1]


async def test_an_outage_is_waited_out() -> None:
    mailbox = MailboxInMemory(piece(1))
    mailbox.outages = 2
    async with stream(mailbox, grant=1) as agent:
        assert len(await agent.deliveries()) == 1


async def test_mail_that_comes_again_while_the_agent_has_it_is_not_delivered_again() -> None:
    mailbox = MailboxInMemory(piece(1))
    async with stream(mailbox, grant=3) as agent:
        await agent.deliveries()
        mailbox.put(piece(1, attempt=2), piece(2))
        assert [delivery.delivery_id for delivery in await agent.deliveries()] == [2]
        agent.settle(Settlement(1, Action.ACK))
        assert await agent.next() == Settled((1,), ())
        assert [verdict.handle.attempt for verdict in mailbox.verdicts] == [2]


async def test_mail_that_comes_again_while_it_is_being_settled_is_not_delivered_again() -> None:
    mailbox = MailboxInMemory(piece(1))
    async with stream(mailbox, grant=3) as agent:
        await agent.deliveries()
        mailbox.may_settle.clear()
        agent.settle(Settlement(1, Action.ACK))
        await asyncio.wait_for(mailbox.settling.wait(), 5)
        agent.settle(Settlement(1, Action.ACK))
        mailbox.put(piece(1, attempt=2), piece(2))
        assert [delivery.delivery_id for delivery in await agent.deliveries()] == [2]
        mailbox.may_settle.set()
        assert await agent.next() == Settled((1,), ())
        assert await agent.next() == Settled((), (1,))


@pytest.mark.capability("M3")
async def test_mail_delivered_too_often_is_buried_instead() -> None:
    policy = DeliveryPolicy(max_deliveries=2)
    mailbox = MailboxInMemory(piece(1, attempt=3), piece(2, readable=False), piece(3, attempt=2))
    async with stream(mailbox, grant=3, policy=policy) as agent:
        (delivery,) = await agent.deliveries()
        assert delivery.attempt == 2
        agent.settle(Settlement(delivery.delivery_id, Action.NACK, reason="again", handler="read"))
        assert await agent.next() == Settled((1,), ())
        await eventually(lambda: len(mailbox.buried) == 3)
    assert sorted(mailbox.buried) == [
        (1, DeadReason.MAX_DELIVERIES, "", 2),
        (2, DeadReason.TERMINATED, "not readable as mail", 0),
        (3, DeadReason.MAX_DELIVERIES, "again", 2),
    ]
    assert mailbox.noted == [(3, Failure(DeliveryOutcome.REFUSED, "read", "again"))]


@pytest.mark.capability("M3")
async def test_each_settlement_becomes_what_the_agent_said() -> None:
    mailbox = MailboxInMemory(*(piece(number, attempt=2) for number in range(1, 6)))
    async with stream(mailbox, grant=5, policy=DeliveryPolicy(nack_backoff=(1.0, 7.0))) as agent:
        handles = {delivery.delivery_id: delivery for delivery in await agent.deliveries()}
        assert list(handles) == [1, 2, 3, 4, 5]
        agent.settle(
            Settlement(1, Action.ACK),
            Settlement(2, Action.NACK, delay=0.0),
            Settlement(3, Action.NACK),
            Settlement(4, Action.IN_PROGRESS),
            Settlement(5, Action.TERMINATE, reason="nonsense"),
            Settlement(6, Action.ACK),
        )
        assert await agent.next() == Settled((1, 2, 3, 4, 5), (6,))
        said = [(verdict.handle.sequence, verdict.settling, verdict.delay) for verdict in mailbox.verdicts]
        assert sorted(said, key=lambda each: each[0]) == [
            (1, Settling.REMOVE, 0.0),
            (2, Settling.RETURN, 0.0),
            (3, Settling.RETURN, 7.0),
            (4, Settling.EXTEND, 0.0),
        ]
        assert mailbox.buried == [(5, DeadReason.TERMINATED, "nonsense", 2)]
    assert mailbox.returned == [4]


async def test_what_the_broker_has_forgotten_is_told_as_unknown() -> None:
    mailbox = MailboxInMemory(piece(404), piece(1))
    async with stream(mailbox, grant=2) as agent:
        await agent.deliveries()
        agent.settle(Settlement(1, Action.ACK), Settlement(2, Action.ACK))
        assert await agent.next() == Settled((2,), (1,))


async def test_what_is_in_flight_is_extended_while_the_stream_lives() -> None:
    mailbox = MailboxInMemory(piece(1))
    async with stream(mailbox, grant=1, policy=DeliveryPolicy(ack_wait=0.03)) as agent:
        await agent.deliveries()
        await eventually(lambda: mailbox.extended[:2] == [1, 1])


async def test_the_end_of_the_requests_ends_the_stream_once_all_is_settled() -> None:
    mailbox = MailboxInMemory(piece(1), piece(2))
    async with stream(mailbox, grant=2) as agent:
        await agent.deliveries()
        agent.settle(Settlement(1, Action.ACK))
        agent.send(None)
        assert await agent.next() == Settled((1,), ())
        with pytest.raises(StopAsyncIteration):
            await agent.next()
    assert mailbox.returned == [2]


async def test_a_stream_whose_mailbox_is_taken_over_ends() -> None:
    mailbox = MailboxInMemory(piece(1))
    async with stream(mailbox, grant=1) as agent:
        await agent.deliveries()
        mailbox.superseded.set()
        with pytest.raises(SessionSuperseded):
            await agent.next()
    assert mailbox.returned == [1]


async def test_a_second_opening_breaks_the_protocol() -> None:
    async with stream(MailboxInMemory()) as agent:
        agent.send(OpenMailbox(1))
        with pytest.raises(StreamProtocol):
            await agent.next()


async def test_the_mailbox_is_closed_also_when_the_end_is_interrupted() -> None:
    mailbox = MailboxInMemory(piece(1))

    async def consume() -> None:
        async with stream(mailbox, grant=1) as agent:
            while True:
                await anext(agent.frames)

    consuming = asyncio.create_task(consume())
    await eventually(lambda: not mailbox.mail)
    # As gRPC does when the caller is gone.
    consuming.cancel()
    asyncio.get_running_loop().call_soon(consuming.cancel)
    await asyncio.gather(consuming, return_exceptions=True)
    assert mailbox.returned == [1]


@pytest.mark.parametrize(("attempt", "delay"), [(1, 1.0), (2, 5.0), (3, 30.0), (4, 30.0), (1000, 30.0)])
def test_the_backoff_follows_its_schedule_and_stays_at_the_last(attempt: int, delay: float) -> None:
    assert DeliveryPolicy(nack_backoff=(1.0, 5.0, 30.0)).backoff(attempt) == delay


class SlowToRemember(MailboxInMemory):
    """Confirms no acknowledgement for now, and everything else at once."""

    async def settle(self, verdicts: Sequence[Verdict]) -> list[bool]:
        """Waits where something is acknowledged."""
        if all(verdict.settling is not Settling.REMOVE for verdict in verdicts):
            self.verdicts += verdicts
            return [True] * len(verdicts)
        return await super().settle(verdicts)


async def test_refused_mail_that_comes_again_before_the_rest_of_its_group_is_settled_is_delivered() -> None:
    mailbox = SlowToRemember(piece(1), piece(2))
    mailbox.may_settle.clear()
    async with stream(mailbox, grant=10) as agent:
        assert len(await agent.deliveries()) == 2
        agent.settle(Settlement(1, Action.ACK), Settlement(2, Action.NACK, delay=0))
        await eventually(lambda: mailbox.verdicts)
        mailbox.put(piece(2, attempt=2))
        (again,) = await agent.deliveries()
        assert again.attempt == 2
        mailbox.may_settle.set()
        assert await agent.next() == Settled((1, 2), ())


async def test_mail_is_returned_also_when_the_loss_of_its_receiver_cannot_be_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(receiver, "_CLOSE_SECONDS", 0.05)
    mailbox = MailboxInMemory(piece(1))

    async def never(_handle: Handle, _failure: Failure) -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(mailbox, "note", never)

    async def receive() -> None:
        async with stream(mailbox, grant=1) as agent:
            await agent.deliveries()
            await agent.next()

    receiving = asyncio.create_task(receive())
    await eventually(lambda: not mailbox.mail)
    await asyncio.wait({receiving}, timeout=0.05)
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    assert mailbox.returned == [1]
