"""Posting mail: what many senders send at the same time is stored together."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence

from rookery_kit.bus import Bus, BusUnavailable, PayloadTooLarge
from rookery_kit.errors import RookeryError
from rookery_kit.group_commit import GroupCommit

from rookery_orchestrator.mailbox.broker import Posted
from rookery_orchestrator.mailbox.letter import Letter
from rookery_orchestrator.mailbox.letter_store import MOST_LETTERS, LetterStore, Storing, outage_of
from rookery_orchestrator.mailbox.mailbox_room import MailboxRoom
from rookery_orchestrator.mailbox.tenant_room import TenantRoom

_MOST_BYTES = 4 * 1024 * 1024


class Posting:
    """Posts letters in the order in which they were handed in, each with a result of its own.

    Ids that were stored lately and what finds no room are sorted out before, so that few batches are refused.
    """

    def __init__(self, bus: Bus, room: TenantRoom, mailboxes: MailboxRoom, store: LetterStore) -> None:
        self._bus = bus
        self._room = room
        self._mailboxes = mailboxes
        self._store = store
        self._groups: GroupCommit[Letter, Storing] = GroupCommit(self._post, MOST_LETTERS)

    def post(self, letters: Sequence[Letter]) -> Awaitable[Sequence[Posted]]:
        """The results, in order, once all that was stored is durable. The letters have their place from now on."""
        return _to_the_end(self._groups.submit_all(letters))

    async def _post(self, letters: Sequence[Letter]) -> Sequence[Storing]:
        try:
            await self._room.look({letter.tenant for letter in letters})
            await self._mailboxes.look([letter.publication.subject for letter in letters], self._store.at_rest)
        except BusUnavailable as error:
            return [error] * len(letters)
        results: dict[int, Storing] = {}
        fresh: dict[str, int] = {}
        for index, letter in enumerate(letters):
            name = letter.publication.message_id
            if self._store.knows(letter):
                results[index] = True
            elif name not in fresh:
                if (refusal := self._take_room(letter)) is not None:
                    results[index] = refusal
                else:
                    fresh[name] = index
        outage: BusUnavailable | None = None
        chunks = list(_chunks([letters[index] for index in fresh.values()]))
        for chunk in chunks:
            # After an outage the rest is not tried: a sender's later letters must not arrive without the earlier.
            stored = [outage] * len(chunk) if outage else await self._store.store(chunk)
            if len(chunks) > 1:
                await self._store.at_rest()
                outage = next(filter(None, map(outage_of, stored)), None)
            for letter, result in zip(chunk, stored, strict=True):
                results[fresh[letter.publication.message_id]] = result
        return [
            results[index] if index in results else _repeated(results[fresh[letter.publication.message_id]])
            for index, letter in enumerate(letters)
        ]

    def _take_room(self, letter: Letter) -> RookeryError | None:
        """Counts a letter where room is limited, or says why it cannot be stored, as far as that is known before."""
        publication = letter.publication
        try:
            self._bus.require_size(publication)
        except PayloadTooLarge as error:
            return error
        return self._mailboxes.take(publication.subject) or self._room.take(letter.tenant, len(publication.payload))


async def _to_the_end(storing: Awaitable[Sequence[Storing]]) -> Sequence[Posted]:
    # Another may wait for the same: who gives up must not cancel it.
    return [await asyncio.shield(each) if isinstance(each, asyncio.Future) else each for each in await storing]


def _repeated(first: Storing) -> Storing:
    """The result of an id that came before in its group: a duplicate, unless the first was not stored either."""
    return asyncio.ensure_future(_after(first)) if isinstance(first, asyncio.Future) else first or True


async def _after(first: asyncio.Future[Posted]) -> Posted:
    return await asyncio.shield(first) or True


def _chunks(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """The letters in batches that a server takes gladly."""
    chunk: list[Letter] = []
    size = 0
    for letter in letters:
        length = len(letter.publication.payload)
        if chunk and (len(chunk) == MOST_LETTERS or size + length > _MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(letter)
        size += length
    if chunk:
        yield chunk
