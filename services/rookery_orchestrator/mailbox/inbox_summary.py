"""What is in the inbox of settled messages, in short and in memory, so that few messages must be looked for there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import structlog
from rbloom import Bloom
from rookery_kit.clock import Clock
from rookery_kit.errors import Unavailable

_WRONG = 0.05
_LEAST = 1_000_000
_PAGE = 2_000
# So that reading a large inbox takes a part of the time only, and the mail goes on.
_PAUSE_SECONDS = 0.02
_REST_SECONDS = 3600.0
_log = structlog.get_logger(__name__)


class SettledAt(NamedTuple):
    """A place in the inbox, in the order of the transactions in which messages were settled."""

    transaction: int
    key: bytes


class SettledHistory(Protocol):
    """The inbox, to be read whole and read on. All methods raise Unavailable."""

    async def horizon(self) -> int:
        """The oldest transaction that is under way; whatever an earlier one has settled is seen by now."""
        ...

    async def count(self, since: datetime, most: int) -> int:
        """How many were settled since, at most so many."""
        ...

    async def read(self, since: datetime, after: bytes, most: int) -> Sequence[bytes]:
        """At most so many of the keys settled since, from a key on, in their order."""
        ...

    async def read_on(self, after: SettledAt, most: int) -> Sequence[SettledAt]:
        """At most so many that come after a place, in the order of their transactions."""
        ...


class Complete(NamedTuple):
    """What the summary is complete up to.

    It holds what anybody had settled at `moment` (of the loop's time); the place of all mail that was stored by then
    is at most `place`.
    """

    moment: float
    place: int


class InboxSummary:
    """Tells of a key that it is not in the inbox, or that it may be: a Bloom filter, wrong one time in twenty.

    It begins with what was settled within `kept`. What is settled here is added before it is, what others settle by
    reading on, `age` seconds after the time before; how long a commit takes makes no difference to that. A filter has
    room for twice what it began with, 0.8 bytes for each key; when it is full another is begun. Where that would begin
    with more than `most` it tells nothing, and looks again after an hour.
    """

    def __init__(
        self,
        history: SettledHistory,
        clock: Clock,
        last_place: Callable[[], Awaitable[int]],
        *,
        most: int,
        kept: timedelta,
        age: float,
    ) -> None:
        self._history = history
        self._clock = clock
        self._last_place = last_place
        self._most = most
        self._kept = kept
        self.age = age
        self.complete: Complete | None = None
        self._under_way: set[bytes] = set()
        self._horizon = 0
        self._make_room(0)

    def may_hold(self, key: bytes) -> bool:
        """Whether the key may be in the inbox."""
        return self.complete is None or key in self._keys

    @contextmanager
    def settling(self, keys: Sequence[bytes]) -> Iterator[None]:
        """Holds keys that are being settled here, in whichever filter."""
        self._under_way.update(keys)
        self.add(keys)
        try:
            yield
        finally:
            self._under_way.difference_update(keys)

    def add(self, keys: Iterable[bytes]) -> None:
        """Takes keys that are settled."""
        new = [key for key in keys if key not in self._keys]
        self._keys.update(new)
        self._count += len(new)

    async def run(self) -> None:
        """Reads on until cancelled. While the bus or the database is away, what is complete stays so."""
        while True:
            pause = self.age
            try:
                if not await self.catch_up():
                    _log.warning("more messages are settled than the summary of the inbox may hold", most=self._most)
                    pause = _REST_SECONDS
            except Unavailable as error:
                _log.info("the summary of the inbox waits", reason=error.reason)
            await asyncio.sleep(pause)

    async def catch_up(self) -> bool:
        """Reads what was settled since the last time; False: it does not fit. Raises Unavailable."""
        # In this order: what is seen below was settled before, and what was stored before has no later place.
        moment, horizon = asyncio.get_running_loop().time(), await self._history.horizon()
        place = await self._last_place()
        if self._count > self._room or horizon < self._horizon:
            # It is full, or the database is another, whose transactions are counted anew.
            self.complete = None
        if self.complete is not None:
            await self._read_on(self._horizon)
        elif not await self._read():
            return False
        self._horizon = horizon
        self.complete = Complete(moment, place)
        return True

    async def _read(self) -> bool:
        since = self._clock.now() - self._kept
        count = await self._history.count(since, self._most + 1)
        if count > self._most:
            self._make_room(0)
            return False
        self._make_room(count)
        after = b""
        while page := await self._history.read(since, after, _PAGE):
            self.add(page)
            after = page[-1]
            await asyncio.sleep(_PAUSE_SECONDS)
        return True

    async def _read_on(self, transaction: int) -> None:
        after = SettledAt(transaction, b"")
        while page := await self._history.read_on(after, _PAGE):
            self.add(each.key for each in page)
            if len(page) < _PAGE:
                return
            after = page[-1]
            await asyncio.sleep(_PAUSE_SECONDS)

    def _make_room(self, count: int) -> None:
        self._room = max(_LEAST, 2 * count)
        self._keys = Bloom(self._room, _WRONG)
        self._count = 0
        self.add(self._under_way)
