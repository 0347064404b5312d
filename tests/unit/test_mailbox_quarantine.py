"""Whose fault the loss of a receiver is, and how that is found out."""

import asyncio
from contextlib import aclosing

import pytest
from harness.eventually import eventually
from harness.mailbox_in_memory import MailboxInMemory, piece, stream
from rookery_kit.stream_end import end_by_service
from rookery_orchestrator.mailbox.frames import Deliveries, GrantCredits, Settled
from rookery_orchestrator.mailbox.model import Action, DeadReason, DeliveryOutcome, Failure, Settlement
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

LOST = Failure(DeliveryOutcome.RECEIVER_LOST)
POLICY = DeliveryPolicy(max_deliveries=2)


async def cancelled(mailbox: MailboxInMemory, deliveries: int, *, by_service: bool = False) -> None:
    """A stream whose receiver, or whose service, goes away once so much is delivered."""
    opened = asyncio.Event()

    async def consume() -> None:
        async with stream(mailbox, grant=10, policy=POLICY) as agent:
            opened.set()
            async for _ in agent.frames:
                pass

    consuming = asyncio.create_task(consume())
    await opened.wait()
    await eventually(lambda: not mailbox.mail)
    # What was taken out is on its way within the same turn of the loop.
    await asyncio.wait({consuming}, timeout=0.05)
    end_by_service(consuming) if by_service else consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    assert len(mailbox.returned) == deliveries


@pytest.mark.capability("M3")
async def test_mail_that_was_lost_alone_with_its_receiver_has_failed() -> None:
    mailbox = MailboxInMemory(piece(1))
    await cancelled(mailbox, 1)
    assert mailbox.noted == [(1, LOST)]


@pytest.mark.capability("M3")
async def test_mail_that_was_lost_with_other_mail_has_not_failed() -> None:
    mailbox = MailboxInMemory(piece(1), piece(2))
    await cancelled(mailbox, 2)
    assert mailbox.noted == []


async def test_mail_that_a_stopping_service_takes_back_has_not_failed() -> None:
    mailbox = MailboxInMemory(piece(1))
    await cancelled(mailbox, 1, by_service=True)
    assert mailbox.noted == []


async def test_mail_that_an_agent_leaves_unsettled_in_good_order_has_not_failed() -> None:
    mailbox = MailboxInMemory(piece(1))
    async with stream(mailbox, grant=1) as agent:
        await agent.deliveries()
        agent.send(None)
        with pytest.raises(StopAsyncIteration):
            await agent.next()
    assert (mailbox.returned, mailbox.noted) == ([1], [])


@pytest.mark.capability("M3")
async def test_mail_delivered_so_often_without_failing_is_delivered_alone() -> None:
    mailbox = MailboxInMemory(piece(1), piece(2, attempt=3), piece(3, attempt=3))
    mailbox.failed_before = {2: 0, 3: 1}
    async with stream(mailbox, grant=10, policy=POLICY) as agent:
        (fresh,) = await agent.deliveries()
        assert fresh.attempt == 1
        mailbox.put(piece(4))
        agent.settle(Settlement(fresh.delivery_id, Action.ACK))
        frames = [await agent.next(), await agent.next()]
        assert Settled((fresh.delivery_id,), ()) in frames
        (alone,) = next(frame.deliveries for frame in frames if isinstance(frame, Deliveries))
        assert alone.attempt == 3
        agent.settle(Settlement(alone.delivery_id, Action.ACK))
        frames = [await agent.next(), await agent.next()]
        (second,) = next(frame.deliveries for frame in frames if isinstance(frame, Deliveries))
        assert second.attempt == 3
        agent.settle(Settlement(second.delivery_id, Action.ACK))
        frames = [await agent.next(), await agent.next()]
        (last,) = next(frame.deliveries for frame in frames if isinstance(frame, Deliveries))
        assert last.attempt == 1
    assert mailbox.buried == []


async def test_mail_in_quarantine_is_kept_from_being_handed_out_again_and_returned_at_the_end() -> None:
    policy = DeliveryPolicy(max_deliveries=2, ack_wait=0.03)
    mailbox = MailboxInMemory(piece(1), piece(2, attempt=3))
    mailbox.failed_before = {2: 0}
    async with stream(mailbox, grant=10, policy=policy) as agent:
        await agent.deliveries()
        await eventually(lambda: {1, 2} <= set(mailbox.extended))
        mailbox.put(piece(2, attempt=4))
        agent.send(GrantCredits(1))
        await eventually(lambda: len(mailbox.extended) > 6)
    assert sorted(mailbox.returned) == [1, 2]


@pytest.mark.capability("M3")
async def test_mail_that_failed_often_enough_is_buried_without_waiting_for_the_rest() -> None:
    mailbox = MailboxInMemory(piece(1), piece(2, attempt=3))
    mailbox.failed_before = {2: 2}
    async with stream(mailbox, grant=10, policy=POLICY) as agent:
        await agent.deliveries()
        await eventually(lambda: mailbox.buried == [(2, DeadReason.MAX_DELIVERIES, "", 2)])


@pytest.mark.capability("M3")
async def test_others_do_not_wait_for_ever_for_mail_that_is_delivered_alone() -> None:
    policy = DeliveryPolicy(max_deliveries=2, alone=0.05)
    mailbox = MailboxInMemory(piece(1, attempt=3))
    mailbox.failed_before = {1: 0}
    async with stream(mailbox, grant=10, policy=policy) as agent:
        (alone,) = await agent.deliveries()
        mailbox.put(piece(2))
        (beside,) = await agent.deliveries()
        assert (alone.attempt, beside.attempt) == (3, 1)


async def test_the_loss_of_a_receiver_is_put_down_to_the_mail_that_began_alone() -> None:
    policy = DeliveryPolicy(max_deliveries=2, alone=0.02)
    mailbox = MailboxInMemory(piece(1, attempt=3))
    mailbox.failed_before = {1: 0}
    consuming = asyncio.create_task(_consume(mailbox, policy))
    await eventually(lambda: not mailbox.mail)
    mailbox.put(piece(2))
    await eventually(lambda: not mailbox.mail)
    await asyncio.wait({consuming}, timeout=0.05)
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    assert mailbox.noted == [(1, LOST)]


async def _consume(mailbox: MailboxInMemory, policy: DeliveryPolicy) -> None:
    async with stream(mailbox, grant=10, policy=policy) as agent:
        async for _ in agent.frames:
            pass


@pytest.mark.capability("M3")
@pytest.mark.parametrize(("by_service", "noted"), [(False, [(1, LOST)]), (True, [])])
async def test_mail_that_is_lost_with_its_receiver_while_it_is_being_written_has_failed(
    by_service: bool,
    noted: list[tuple[int, Failure]],
) -> None:
    mailbox = MailboxInMemory(piece(1))
    writing = asyncio.Event()

    async def write() -> None:
        async with stream(mailbox, grant=1, policy=POLICY) as agent, aclosing(agent.frames):
            await agent.deliveries()
            writing.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await writing.wait()
    end_by_service(task) if by_service else task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (mailbox.returned, mailbox.noted) == ([1], noted)
