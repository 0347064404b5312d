"""The newest changes in memory, so that any number of watchers costs the database nothing."""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice

import structlog
from rookery_kit.errors import RookeryError

from rookery_registry.watching.log import ChangeLog, LoggedChange

_MOST_KEPT = 1_000
_BATCH = 1_000
_RETRY_SECONDS = 0.5
_log = structlog.get_logger(__name__)


class TenantFeed:
    """The last changes of one tenant; complete from `floor` on."""

    def __init__(self, floor: int, most: int) -> None:
        self.floor = floor
        self._most = most
        self._changes: deque[LoggedChange] = deque()
        self._news = asyncio.Event()
        self.watchers = 0

    def append(self, change: LoggedChange) -> None:
        """Adds the next change and wakes who waits; the oldest goes where there are too many."""
        self._changes.append(change)
        if len(self._changes) > self._most:
            self.floor = self._changes.popleft().place
        self._news.set()
        self._news = asyncio.Event()

    def after(self, place: int, limit: int) -> Sequence[LoggedChange]:
        """The changes after a place, which is not below the floor."""
        begin = bisect_right(self._changes, place, key=lambda change: change.place)
        return list(islice(self._changes, begin, begin + limit))

    async def news(self, seconds: float) -> None:
        """Waits for the next change, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()


class ChangeFeed:
    """Reads the log once for all who watch on this replica.

    `every_seconds` is how soon it sees what another replica has changed; what changes here it is told of by `wake`.
    `listen` hears of every change of every tenant.
    """

    def __init__(
        self,
        log: ChangeLog,
        listen: Callable[[LoggedChange], None],
        *,
        every_seconds: float = 0.25,
        most_kept: int = _MOST_KEPT,
    ) -> None:
        self._log = log
        self._listen = listen
        self._every_seconds = every_seconds
        self._most_kept = most_kept
        self._tenants: dict[str, TenantFeed] = {}
        self._place: int | None = None
        self._wake = asyncio.Event()
        self._begun = asyncio.Event()

    @property
    def place(self) -> int:
        """Every change up to this place has been read."""
        assert self._place is not None
        return self._place

    def wake(self) -> None:
        """Something has changed, and is committed."""
        self._wake.set()

    @contextmanager
    def of(self, tenant: str) -> Iterator[TenantFeed]:
        """The feed of a tenant, kept for as long as somebody watches. Only after `begun`."""
        feed = self._tenants.get(tenant)
        if feed is None:
            feed = self._tenants[tenant] = TenantFeed(self.place, self._most_kept)
        feed.watchers += 1
        try:
            yield feed
        finally:
            feed.watchers -= 1
            if not feed.watchers:
                del self._tenants[tenant]

    async def begun(self) -> None:
        """Waits until the log has been looked at."""
        await self._begun.wait()

    async def run(self) -> None:
        """Reads until cancelled. Outages of the database are waited out."""
        while True:
            self._wake.clear()
            try:
                read = await self._read()
            except RookeryError as error:
                _log.warning("change feed waits", reason=error.reason)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if read < _BATCH:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._every_seconds):
                        await self._wake.wait()

    async def _read(self) -> int:
        if self._place is None:
            self._place = await self._log.newest()
            self._begun.set()
        changes = await self._log.advance(self._place, _BATCH)
        for change in changes:
            self._place = change.place
            self._listen(change)
            if feed := self._tenants.get(change.tenant):
                feed.append(change)
        return len(changes)
