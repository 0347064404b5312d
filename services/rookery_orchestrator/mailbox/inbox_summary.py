"""What is in the inbox of settled messages, in short and in memory, so that few messages must be looked for there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import structlog
from rbloom import Bloom
from rookery_kit.clock import Clock
from rookery_kit.errors import Unavailable

_WRONG = 0.05
_PAGE = 2_000
# So that reading a large inbox takes a part of the time only, and the mail goes on.
_PAUSE_SECONDS = 0.02
# So long may a commit take from its `settle_time` until others see it.
_OVERLAP = timedelta(seconds=10)
_REST_SECONDS = 3600.0
_log = structlog.get_logger(__name__)


class SettledAt(NamedTuple):
    """A place in the inbox, in the order in which messages were settled."""

    settle_time: datetime
    key: bytes


class SettledHistory(Protocol):
    """The inbox, read in its order."""

    async def read_on(self, after: SettledAt, most: int) -> Sequence[SettledAt]:
        """At most so many that come after a place. Raises Unavailable."""
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

    What is settled here is added at once, what others settle within `age` seconds, by reading on in the inbox. It
    begins with what was settled within `kept`, and holds `most` keys, 0.8 bytes for each. When it is full it begins
    anew; where more than that lies in the inbox it tells nothing, and looks again after an hour.
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
        self._keys = Bloom(most, _WRONG)
        self._count = 0
        self._read_until: datetime | None = None
        self.complete: Complete | None = None

    def may_hold(self, key: bytes) -> bool:
        """Whether the key may be in the inbox."""
        return self.complete is None or key in self._keys

    def add(self, keys: Iterable[bytes]) -> None:
        """Takes keys that are about to be settled here."""
        new = [key for key in keys if key not in self._keys]
        self._keys.update(new)
        self._count += len(new)

    async def run(self) -> None:
        """Reads on until cancelled. While the bus or the database is away, what is complete stays so."""
        while True:
            pause = self.age
            try:
                if not await self.catch_up():
                    _log.info("more messages are settled than the summary of the inbox holds", most=self._most)
                    pause = _REST_SECONDS
            except Unavailable as error:
                _log.info("the summary of the inbox waits", reason=error.reason)
            await asyncio.sleep(pause)

    async def catch_up(self) -> bool:
        """Reads what was settled since the last time; False: it does not fit. Raises Unavailable."""
        if self._count > self._most:
            self._begin_anew()
        moment, now = asyncio.get_running_loop().time(), self._clock.now()
        place = await self._last_place()
        after = SettledAt(self._read_until or now - self._kept, b"")
        while page := await self._history.read_on(after, _PAGE):
            self.add(each.key for each in page)
            if self._count > self._most:
                self._begin_anew()
                return False
            if len(page) < _PAGE:
                break
            after = page[-1]
            self._read_until = after.settle_time - _OVERLAP
            await asyncio.sleep(_PAUSE_SECONDS)
        self._read_until = now - _OVERLAP
        self.complete = Complete(moment, place)
        return True

    def _begin_anew(self) -> None:
        self.complete = None
        self._keys.clear()
        self._count = 0
        self._read_until = None
