"""What is known of mailboxes while letters are posted."""

from types import SimpleNamespace
from typing import cast

import pytest
from rookery_kit.bus import Bus, StreamFull
from rookery_kit.clock import Clock
from rookery_orchestrator.mailbox.mailbox_room import MailboxRoom

pytestmark = pytest.mark.capability("M9")


class Server:
    """A stream in which a mailbox may hold 10 messages, with a clock that goes on when it is asked."""

    def __init__(self, **waiting: int) -> None:
        self.waiting = waiting
        self.asked: list[str] = []
        self.answers_in = 0.0
        self.time = 100.0
        self.jetstream = self

    def monotonic(self) -> float:
        return self.time

    async def stream_info(self, _stream: str, subjects_filter: str = "") -> SimpleNamespace:
        if subjects_filter:
            self.asked.append(subjects_filter)
            self.time += self.answers_in
        state = SimpleNamespace(messages=sum(self.waiting.values()), subjects=self.waiting)
        return SimpleNamespace(config=SimpleNamespace(max_msgs_per_subject=10), state=state)


async def at_rest() -> None:
    """Nothing is under way."""


async def test_a_mailbox_that_was_full_is_refused_however_long_the_others_take_to_be_asked_for() -> None:
    server = Server(a=10, b=3)
    room = MailboxRoom(cast("Bus", server), cast("Clock", server))
    await room.look(["a"], at_rest)
    server.time += 0.99
    server.answers_in = 5.0
    await room.look(["a", "b"], at_rest)
    assert server.asked == ["a", "b"]
    assert isinstance(room.take("a"), StreamFull)
    assert [room.take("b") for _ in range(7)] == [None] * 7
    assert isinstance(room.take("b"), StreamFull)


async def test_a_mailbox_that_was_full_is_asked_for_again_after_a_second() -> None:
    server = Server(a=10)
    room = MailboxRoom(cast("Bus", server), cast("Clock", server))
    await room.look(["a"], at_rest)
    server.waiting, server.time = {"a": 9}, server.time + 1.1
    await room.look(["a"], at_rest)
    assert room.take("a") is None
    assert isinstance(room.take("a"), StreamFull)
