"""Storing mail: what many senders send at the same time is stored in one atomic batch, with one sync."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import structlog
from rookery_kit.bus import (
    BatchAbandoned,
    Bus,
    BusUnavailable,
    DuplicateInBatch,
    PayloadTooLarge,
    Publication,
    StreamFull,
)
from rookery_kit.errors import RookeryError
from rookery_kit.group_commit import GroupCommit

from rookery_orchestrator.mailbox.broker import Posted
from rookery_orchestrator.mailbox.mailbox_room import MailboxRoom
from rookery_orchestrator.mailbox.recent_ids import RecentIds
from rookery_orchestrator.mailbox.tenant_room import TenantRoom

Companions = Callable[[Sequence["Letter"]], Sequence[Publication]]
"""What is to be stored together with letters, all or none."""

_MOST_LETTERS = 480
_MOST_BYTES = 4 * 1024 * 1024
_REMEMBERED = 16_384
_ABANDONED_SECONDS = (0.02, 0.1, 0.3)
_log = structlog.get_logger(__name__)


class Letter(NamedTuple):
    """A message as it is published, and its entry for the audit trail.

    `publication.message_id` names it among all of the stream.
    """

    tenant: str
    publication: Publication
    trail: bytes


class Posting:
    """Posts letters in the order in which they were handed in, each with a result of its own.

    The server refuses an atomic batch as a whole: for one known id, for one full mailbox. Such a batch is halved until
    the letter that is in the way stands alone. So that this stays rare, ids that were stored lately and what finds no
    room are sorted out before.
    """

    def __init__(self, bus: Bus, room: TenantRoom, mailboxes: MailboxRoom, companions: Companions) -> None:
        self._bus = bus
        self._room = room
        self._mailboxes = mailboxes
        self._companions = companions
        self._stored = RecentIds(_REMEMBERED)
        self._groups: GroupCommit[Letter, Posted] = GroupCommit(self._post, _MOST_LETTERS)

    def post(self, letters: Sequence[Letter]) -> "asyncio.Future[Sequence[Posted]]":
        """The results, in order, once all that was stored is durable. The letters have their place from now on."""
        return self._groups.submit_all(letters)

    async def _post(self, letters: Sequence[Letter]) -> Sequence[Posted]:
        try:
            await self._room.look({letter.tenant for letter in letters})
            await self._mailboxes.look([letter.publication.subject for letter in letters])
        except BusUnavailable as error:
            return [error] * len(letters)
        results: dict[int, Posted] = {}
        fresh: dict[str, int] = {}
        for index, letter in enumerate(letters):
            name = letter.publication.message_id
            if name in self._stored:
                results[index] = True
            elif name not in fresh:
                if (hopeless := self._hopeless(letter)) is not None:
                    results[index] = hopeless
                else:
                    fresh[name] = index
        chunks = list(_chunks([letters[index] for index in fresh.values()]))
        outage: BusUnavailable | None = None
        for chunk in chunks:
            # After an outage the rest is not tried: a sender's later letters must not arrive without the earlier.
            posted = [outage] * len(chunk) if outage else await self._store(chunk)
            outage = next((each for each in posted if isinstance(each, BusUnavailable)), None)
            for letter, result in zip(chunk, posted, strict=True):
                results[fresh[letter.publication.message_id]] = result
        # The same id twice in one group: the second shares the fate of the first, and is a duplicate if that is stored.
        return [
            results[index] if index in results else results[fresh[letter.publication.message_id]] or True
            for index, letter in enumerate(letters)
        ]

    async def _store(self, letters: Sequence[Letter]) -> Sequence[Posted]:
        try:
            await self._store_together(letters)
        except (DuplicateInBatch, StreamFull) as refused:
            if isinstance(refused, StreamFull) and not refused.of_subject:
                return [refused] * len(letters)
            if len(letters) > 1:
                half = len(letters) // 2
                first = await self._store(letters[:half])
                outage = next((each for each in first if isinstance(each, BusUnavailable)), None)
                rest = letters[half:]
                return [*first, *([outage] * len(rest) if outage else await self._store(rest))]
            if isinstance(refused, StreamFull):
                self._mailboxes.filled(letters[0].publication.subject)
                return [refused]
            self._remember(letters)
            return [True]
        except RookeryError as error:
            return [error] * len(letters)
        self._remember(letters)
        return [False] * len(letters)

    async def _store_together(self, letters: Sequence[Letter]) -> None:
        batch = [*(letter.publication for letter in letters), *self._companions(letters)]
        for pause in _ABANDONED_SECONDS:
            try:
                return await self._bus.publish_batch(batch)
            except BatchAbandoned as error:
                _log.info("batch is published again", error=error.message, letters=len(letters))
                await asyncio.sleep(pause)
        return await self._bus.publish_batch(batch)

    def _hopeless(self, letter: Letter) -> RookeryError | None:
        """Why it cannot be stored, as far as that is known before."""
        publication = letter.publication
        try:
            self._bus.require_size(publication)
        except PayloadTooLarge as error:
            return error
        return self._mailboxes.take(publication.subject) or self._room.take(letter.tenant, len(publication.payload))

    def _remember(self, letters: Sequence[Letter]) -> None:
        self._stored.add([letter.publication.message_id for letter in letters])


def _chunks(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """The letters in batches that a server takes gladly."""
    chunk: list[Letter] = []
    size = 0
    for letter in letters:
        length = len(letter.publication.payload)
        if chunk and (len(chunk) == _MOST_LETTERS or size + length > _MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(letter)
        size += length
    if chunk:
        yield chunk
