"""What a mailbox asks for before there is mail: never more than there is room for, and never for nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from harness.eventually import eventually
from harness.mailbox_service import QUICK
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import mail_subject
from rookery_orchestrator.mailbox.consumers import STREAM, Consumers
from rookery_orchestrator.mailbox.erasing import Eraser
from rookery_orchestrator.mailbox.model import Priority
from rookery_orchestrator.mailbox.pulls import Pulls
from rookery_orchestrator.mailbox.removal import Removal
from rookery_orchestrator.mailbox.uplink import Uplink

AGENT = str(uuid4())
NORMAL = Priority.NORMAL


@dataclass
class Opened:
    """A mailbox whose requests last for a fifth of a second, and how many were made."""

    bus: Bus
    consumers: Consumers
    pulls: Pulls
    requests: int = 0

    async def store(self, *letters: bytes) -> None:
        for letter in letters:
            subject = mail_subject("acme", AGENT, "normal")
            await self.bus.publish(subject, letter, message_id=str(uuid4()))

    async def take(self, count: int, room: int) -> list[int]:
        """The places of so much mail, as it comes, with room for so much at a time."""
        places: list[int] = []
        while len(places) < count:
            await self.pulls.until_ready(room)
            await self.pulls.see_to_consumers(tuple(self.pulls.ready))
            taken = await self.pulls.pull(dict.fromkeys(self.pulls.ready, room))
            places += [mail.handle.sequence for several in taken.values() for mail in several]
        return places

    async def handed_out(self) -> int:
        found = await self.consumers.find(NORMAL)
        assert found is not None
        return found.num_ack_pending or 0


@pytest.fixture
async def opened(bus: Bus) -> AsyncIterator[Opened]:
    def a_moment() -> float:
        mailbox.requests += 1
        return 0.2

    uplink = Uplink(bus)
    consumers = Consumers(bus.jetstream, "acme", AGENT, QUICK, asyncio.Semaphore(4))
    removal = Removal(uplink, Eraser(bus), asyncio.Semaphore(1), "acme", AGENT, patience=1.0)
    mailbox = Opened(bus, consumers, Pulls(uplink, consumers, removal, removal.begin, a_moment))
    await consumers.ensure(NORMAL)
    await mailbox.pulls.inbox.open()
    yield mailbox
    await mailbox.pulls.close(1.0)


@pytest.mark.capability("M1")
async def test_a_request_that_ended_without_mail_is_made_again(opened: Opened) -> None:
    taking = asyncio.create_task(opened.take(2, room=4))
    await eventually(lambda: opened.requests >= 3)
    await opened.store(b"one", b"two")
    assert await taking == [1, 2]


@pytest.mark.capability("M1")
async def test_mail_is_asked_for_again_from_a_consumer_that_was_lost(opened: Opened) -> None:
    taking = asyncio.create_task(opened.take(1, room=4))
    await eventually(lambda: opened.requests >= 1)
    await opened.bus.jetstream.delete_consumer(STREAM, opened.consumers.name(NORMAL))
    await opened.store(b"one")
    assert await taking == [1]


@pytest.mark.capability("M9")
async def test_no_more_is_handed_out_than_there_is_room_for(opened: Opened) -> None:
    await opened.store(*[b"x"] * 9)
    assert await opened.take(3, room=3) == [1, 2, 3]
    # What is taken is another's to count; here it makes room at once.
    assert await opened.handed_out() == 3
    assert await opened.take(3, room=3) == [4, 5, 6]
    assert await opened.handed_out() == 6


@pytest.mark.capability("M9")
async def test_what_is_too_large_for_one_request_comes_on_the_next(opened: Opened) -> None:
    taking = asyncio.create_task(opened.take(7, room=16))
    await eventually(lambda: opened.requests >= 1)
    await opened.store(*[b"x" * 900 * 1024] * 7)
    assert await taking == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.capability("M2")
async def test_what_was_asked_for_comes_once_also_when_another_priority_comes_into_use(opened: Opened) -> None:
    taking = asyncio.create_task(opened.take(1, room=4))
    await eventually(lambda: opened.requests >= 1)
    await opened.bus.publish(mail_subject("acme", AGENT, "high"), b"urgent", message_id=str(uuid4()))
    opened.pulls.noticed(Priority.HIGH)
    assert await taking == [1]
    await opened.store(b"one", b"two", b"three")
    assert await opened.take(3, room=4) == [2, 3, 4]
