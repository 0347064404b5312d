"""Letters on their way into the stream: many in atomic batches, a few each by itself."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import structlog
from rookery_kit.bus import BatchAbandoned, Bus, BusUnavailable, DuplicateInBatch, Publication, StreamFull
from rookery_kit.bus.subjects import trail_subject
from rookery_kit.errors import RookeryError
from rookery_kit.group_commit import GroupCommit

from rookery_orchestrator.mailbox.broker import Posted
from rookery_orchestrator.mailbox.letter import Letter
from rookery_orchestrator.mailbox.mailbox_room import MailboxRoom
from rookery_orchestrator.mailbox.recent_ids import RecentIds
from rookery_orchestrator.mailbox.wire import join_trails, sent_again

Storing = Posted | asyncio.Future[Posted]
"""The result of a letter, or what answers it once its entry is in the audit trail."""

MOST_LETTERS = 480
# So many cost the server less, each synced by itself, than the batch that it would prepare for them.
_FEW_LETTERS = 8
# Letters follow one another without waiting while no more are under way; then they gather, and may make a batch.
_MOST_UNDER_WAY = 4
_REMEMBERED = 16_384
_COMPANY_SECONDS = 0.005
_PATIENCE_SECONDS = 0.01
_ABANDONED_SECONDS = (0.02, 0.1, 0.3)
_Entry = tuple[Letter, bool]
_log = structlog.get_logger(__name__)


class LetterStore:
    """Stores letters in their order, each with a result of its own.

    Many go in one atomic batch together with their entries for the audit trail, with one sync. The server refuses a
    batch as a whole: for one known id, for one full mailbox. Such a batch is halved until few enough are left.

    A few are published each by itself, and follow one another without waiting as long as few are on their way. Their
    entries are published once they are stored. Entries wait a moment for those of letters that are under way, and a
    little longer, to be published together, while all are of senders that go on meanwhile. Whoever is told that a
    letter is stored can rely on its entry being so: when this process dies between the two, its sender has heard
    nothing and repeats it, and that makes up for it.
    """

    def __init__(self, bus: Bus, mailboxes: MailboxRoom, new_id: Callable[[], str]) -> None:
        self._bus = bus
        self._mailboxes = mailboxes
        self._new_id = new_id
        self._stored = RecentIds(_REMEMBERED)
        self._entries: GroupCommit[_Entry, Posted] = GroupCommit(self._enter, MOST_LETTERS, self._company)
        self._under_way: dict[asyncio.Task[None], int] = {}
        self._arrived = asyncio.Event()
        self._awaited = asyncio.Event()
        self._entered = float("-inf")

    def knows(self, letter: Letter) -> bool:
        """Whether it was stored here lately, its entry as well."""
        return letter.publication.message_id in self._stored

    async def at_rest(self) -> None:
        """Waits until no letter is under way, and it is known of each whether it is stored."""
        await self._until_under_way(0)

    async def store(self, letters: Sequence[Letter]) -> Sequence[Storing]:
        """Stores at most `MOST_LETTERS`, one call after another. Of many, after an outage the rest is not tried."""
        if len(letters) <= _FEW_LETTERS:
            await self._until_under_way(max(0, _MOST_UNDER_WAY - len(letters)))
            return self._store_each(letters)
        await self.at_rest()
        return await self._store_many(letters)

    async def _store_many(self, letters: Sequence[Letter]) -> Sequence[Storing]:
        try:
            await self._store_together(letters)
        except DuplicateInBatch:
            return await self._store_halves(letters)
        except StreamFull as full:
            return await self._store_halves(letters) if full.of_subject else [full] * len(letters)
        except RookeryError as error:
            return [error] * len(letters)
        self._remember(letters)
        return [False] * len(letters)

    async def _store_together(self, letters: Sequence[Letter]) -> None:
        batch = [*(letter.publication for letter in letters), *self._trails(letters)]
        for pause in _ABANDONED_SECONDS:
            try:
                return await self._bus.publish_batch(batch)
            except BatchAbandoned as error:
                _log.info("batch is published again", error=error.message, letters=len(letters))
                await asyncio.sleep(pause)
        return await self._bus.publish_batch(batch)

    async def _store_halves(self, letters: Sequence[Letter]) -> Sequence[Storing]:
        half = len(letters) // 2
        first = await self._store_half(letters[:half])
        outage = next(filter(None, map(outage_of, first)), None)
        rest = letters[half:]
        return [*first, *([outage] * len(rest) if outage else await self._store_half(rest))]

    async def _store_half(self, letters: Sequence[Letter]) -> Sequence[Storing]:
        if len(letters) > _FEW_LETTERS:
            return await self._store_many(letters)
        results = self._store_each(letters)
        await self.at_rest()
        return results

    async def _until_under_way(self, most: int) -> None:
        while sum(self._under_way.values()) > most:
            self._arrived.clear()
            await self._arrived.wait()

    def _store_each(self, letters: Sequence[Letter]) -> Sequence[asyncio.Future[Posted]]:
        """Sends letters on their way, each by itself. What is not stored is answered first, the rest with its entry."""
        loop = asyncio.get_running_loop()
        results: list[asyncio.Future[Posted]] = [loop.create_future() for _ in letters]
        task = loop.create_task(self._publish_each(letters, results))
        self._under_way[task] = len(letters)
        task.add_done_callback(partial(self._have_arrived, results))
        return results

    async def _publish_each(self, letters: Sequence[Letter], results: Sequence[asyncio.Future[Posted]]) -> None:
        outcomes = await self._bus.publish_each([letter.publication for letter in letters])
        stored: list[asyncio.Future[Posted]] = []
        entries: list[_Entry] = []
        for letter, outcome, result in zip(letters, outcomes, results, strict=True):
            if isinstance(outcome, StreamFull) and outcome.of_subject:
                self._mailboxes.filled(letter.publication.subject)
            if isinstance(outcome, RookeryError):
                result.set_result(outcome)
            else:
                entries.append((letter, outcome))
                stored.append(result)
        if any(letter.awaited for letter, _ in entries):
            self._awaited.set()
        if entries:
            self._entries.submit_all(entries).add_done_callback(partial(_hand_on, stored))

    def _have_arrived(self, results: Sequence[asyncio.Future[Posted]], task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._arrived.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            for result in results:
                if not result.done():
                    result.set_exception(error)

    async def _company(self) -> None:
        """Waits for entries that can come along."""
        patience = self._entered + _PATIENCE_SECONDS - asyncio.get_running_loop().time()
        if patience > 0 and not self._awaited.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._awaited.wait()
        if self._under_way:
            await asyncio.wait(tuple(self._under_way), timeout=_COMPANY_SECONDS)
        self._entered = asyncio.get_running_loop().time()
        self._awaited.clear()

    async def _enter(self, entries: Sequence[_Entry]) -> Sequence[Posted]:
        fresh = [letter for letter, duplicate in entries if not duplicate]
        again = [letter._replace(trail=sent_again(letter.trail)) for letter, duplicate in entries if duplicate]
        try:
            await self._bus.publish_all([*self._trails(fresh), *self._trails(again)])
        except BusUnavailable as error:
            return [error] * len(entries)
        except RookeryError as error:
            # The letter is stored, so that what is true of its entry must not be said of it.
            unsure = BusUnavailable(f"the message may be stored, and is not in the audit trail: {error.message}")
            return [unsure] * len(entries)
        self._remember([letter for letter, _ in entries])
        return [duplicate for _, duplicate in entries]

    def _trails(self, letters: Sequence[Letter]) -> Iterator[Publication]:
        """What tells the audit trail of letters, for each tenant."""
        by_tenant: defaultdict[str, list[bytes]] = defaultdict(list)
        for letter in letters:
            by_tenant[letter.tenant].append(letter.trail)
        for tenant, trails in by_tenant.items():
            for trail in join_trails(trails):
                yield Publication(trail_subject(tenant, self._new_id()), trail)

    def _remember(self, letters: Sequence[Letter]) -> None:
        self._stored.add([letter.publication.message_id for letter in letters])


def outage_of(result: Storing) -> BusUnavailable | None:
    """The outage because of which a letter that has arrived, or has not, is not stored."""
    outcome = result.result() if isinstance(result, asyncio.Future) and result.done() else result
    return outcome if isinstance(outcome, BusUnavailable) else None


def _hand_on(each: Sequence["asyncio.Future[Posted]"], all_of_them: "asyncio.Future[Sequence[Posted]]") -> None:
    """Answers each of several with its part of what answers all."""
    error = all_of_them.exception()
    for index, future in enumerate(each):
        if not future.done():
            if error is None:
                future.set_result(all_of_them.result()[index])
            else:
                future.set_exception(error)
