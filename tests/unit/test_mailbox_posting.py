"""What one sender does must not reach another whose letter is in the same group."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from harness.eventually import eventually
from rookery_kit.bus import Bus, BusUnavailable, Publication
from rookery_orchestrator.mailbox.broker import Posted
from rookery_orchestrator.mailbox.letter import Letter
from rookery_orchestrator.mailbox.letter_store import LetterStore, Storing
from rookery_orchestrator.mailbox.mailbox_room import MailboxRoom
from rookery_orchestrator.mailbox.posting import Posting
from rookery_orchestrator.mailbox.tenant_room import TenantRoom


class Roomy:
    """A bus and mailboxes with room for everything."""

    async def look(self, *_what: object) -> None:
        return

    def take(self, *_what: object) -> None:
        return

    def require_size(self, _publication: Publication) -> None:
        return


class SlowEntries:
    """Stores letters, and enters them in the trail when it is told to."""

    def __init__(self) -> None:
        self.entering: list[asyncio.Future[Posted]] = []

    def knows(self, _letter: Letter) -> bool:
        return False

    async def at_rest(self) -> None:
        return

    async def store(self, letters: Sequence[Letter]) -> Sequence[Storing]:
        self.entering = [asyncio.get_running_loop().create_future() for _ in letters]
        return self.entering


async def test_a_sender_that_gives_up_takes_nothing_from_who_sent_the_same_id() -> None:
    room, store = Roomy(), SlowEntries()
    posting = Posting(
        cast("Bus", room), cast("TenantRoom", room), cast("MailboxRoom", room), cast("LetterStore", store)
    )
    letter = Letter("acme", Publication("rk.acme.mail.x.normal", b"x", message_id="acme/user:ann/1"), b"")
    first, second = (asyncio.ensure_future(posting.post([letter])) for _ in range(2))
    await eventually(lambda: store.entering)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    store.entering[0].set_result(False)
    assert await second == [True]


class Lost(SlowEntries):
    """The connection is lost while the first letters are on their way."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[str] = []

    async def at_rest(self) -> None:
        for each in self.entering:
            if not each.done():
                each.set_result(BusUnavailable("the connection was lost"))

    async def store(self, letters: Sequence[Letter]) -> Sequence[Storing]:
        self.tried += [letter.publication.message_id for letter in letters]
        return await super().store(letters)


async def test_after_an_outage_no_later_letter_of_the_group_is_tried() -> None:
    room, store = Roomy(), Lost()
    posting = Posting(
        cast("Bus", room), cast("TenantRoom", room), cast("MailboxRoom", room), cast("LetterStore", store)
    )
    large = b"x" * 3_000_000
    letters = [Letter("acme", Publication("rk.acme.mail.x.normal", large, message_id=each), b"") for each in "ab"]
    results = await posting.post(letters)
    assert store.tried == ["a"]
    assert [type(each) for each in results] == [BusUnavailable, BusUnavailable]
