"""When the entries of letters that are published each by itself go to the audit trail."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from harness.eventually import eventually
from rookery_kit.bus import Bus, BusUnavailable, Publication, StreamFull
from rookery_kit.errors import RookeryError
from rookery_orchestrator.mailbox import letter_store
from rookery_orchestrator.mailbox.letter import Letter
from rookery_orchestrator.mailbox.letter_store import LetterStore
from rookery_orchestrator.mailbox.mailbox_room import MailboxRoom
from rookery_orchestrator.mailbox.wire import join_trails

pytestmark = pytest.mark.capability("M1")


class Stream:
    """Stores each letter once the test lets it, and notes which entries are published together."""

    def __init__(self) -> None:
        self.entered: list[bytes] = []
        self.under_way: list[str] = []
        self.held = asyncio.Event()
        self.held.set()
        self.error: Exception | None = None

    async def publish_each(self, letters: Sequence[Publication]) -> list[bool | RookeryError]:
        self.under_way += [letter.message_id for letter in letters]
        await self.held.wait()
        if self.error is not None:
            raise self.error
        return [False] * len(letters)

    async def publish_all(self, entries: Sequence[Publication]) -> None:
        self.entered += [entry.payload for entry in entries]


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def store(stream: Stream) -> LetterStore:
    return LetterStore(cast("Bus", stream), cast("MailboxRoom", None), lambda: "id")


def letter(name: str, *, awaited: bool = False) -> Letter:
    return Letter("acme", Publication("rk.acme.mail.x.normal", b"", message_id=name), name.encode(), awaited)


def together(*names: str) -> bytes:
    """The entry of several letters."""
    (joined,) = join_trails([name.encode() for name in names])
    return joined


async def test_entries_of_senders_that_go_on_wait_for_one_that_somebody_waits_for(
    store: LetterStore, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letter_store, "_PATIENCE_SECONDS", 60)
    (first,) = await store.store([letter("first")])
    assert isinstance(first, asyncio.Future)
    assert await first is False, "nothing came before, so nothing is waited for"
    several = [*await store.store([letter("second")]), *await store.store([letter("third")])]
    await eventually(lambda: stream.under_way == ["first", "second", "third"])
    assert stream.entered == [together("first")]
    several += await store.store([letter("fourth", awaited=True)])
    assert [isinstance(each, asyncio.Future) and await each for each in several] == [False] * 3
    assert stream.entered == [together("first"), together("second", "third", "fourth")]


async def test_no_more_than_a_few_are_under_way_and_the_next_wait_for_room(store: LetterStore, stream: Stream) -> None:
    stream.held.clear()
    for number in range(4):
        await store.store([letter(str(number))])
    fifth = asyncio.ensure_future(store.store([letter("4")]))
    await eventually(lambda: stream.under_way == ["0", "1", "2", "3"])
    assert not fifth.done()
    stream.held.set()
    await fifth
    await eventually(lambda: stream.under_way == ["0", "1", "2", "3", "4"])


@pytest.mark.parametrize("error", [BusUnavailable("away"), ValueError("a fault")])
async def test_what_goes_wrong_on_the_way_is_told_to_who_waits(
    store: LetterStore, stream: Stream, error: Exception
) -> None:
    stream.error = error
    (result,) = await store.store([letter("lost")])
    assert isinstance(result, asyncio.Future)
    with pytest.raises(type(error)):
        await result
    (after,) = await store.store([letter("after")])
    assert isinstance(after, asyncio.Future)
    with pytest.raises(type(error)):
        await after


async def test_what_is_stored_and_finds_no_room_in_the_trail_is_not_said_to_be_refused(
    store: LetterStore, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_entries: Sequence[Publication]) -> None:
        raise StreamFull("the stream is full", of_subject=False)

    monkeypatch.setattr(stream, "publish_all", full)
    (stored,) = await store.store([letter("first")])
    assert isinstance(stored, asyncio.Future)
    assert isinstance(await stored, BusUnavailable)
    assert not store.knows(letter("first"))
