"""How much mail a single mailbox still takes."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

import structlog
from rookery_kit.bus import Bus, BusUnavailable, StreamFull
from rookery_kit.clock import Clock

from rookery_orchestrator.mailbox.consumers import STREAM, bus_errors

_FRESH_SECONDS = 1.0
_FULL_SECONDS = 0.5
_ASKED_AT_A_TIME = 32
_log = structlog.get_logger(__name__)


class MailboxRoom:
    """Refuses what a mailbox has no room for, before the broker has to.

    The broker does so itself, but not well where a batch fits in part: nats-server 2.15.1 may then store that part of
    an atomic batch, and answer nothing. So no batch holds more for one mailbox than there is room for. As long as the
    whole stream holds less than half of what one mailbox may, nothing is asked about any of them; the other half is
    for what other replicas store until this one looks again.
    """

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._limit = 0
        self._stored = 0
        self._look_again = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._asked_at_a_time = asyncio.Semaphore(_ASKED_AT_A_TIME)
        self._left: dict[str, tuple[int, float]] = {}

    async def look(self, subjects: Collection[str], at_rest: Callable[[], Awaitable[None]]) -> None:
        """Brings up to date what is known of mailboxes, by their subjects. Raises BusUnavailable.

        `at_rest` returns once what this replica has sent is stored: the broker does not count it before.
        """
        now = self._clock.monotonic()
        self._left = {subject: left for subject, left in self._left.items() if left[1] > now}
        if self._look_again <= now:
            self._looking = self._looking or asyncio.create_task(self._look())
            if self._is_crowded(len(subjects)):
                await self._looking
            if not self._look_again:
                raise BusUnavailable("the bus does not say how much mail there is")
        if self._is_crowded(len(subjects)) and (unknown := set(subjects) - self._left.keys()):
            await at_rest()
            await asyncio.gather(*map(self._ask, unknown))

    def _is_crowded(self, more: int) -> bool:
        """Whether a mailbox may be full, as far as is known; before the first look, anything may be."""
        return self._look_again == 0 or (0 < self._limit < 2 * (self._stored + more))

    async def _look(self) -> None:
        """Reads how much the stream holds. Who can do without does not wait for it: a busy server takes long."""
        before = self._stored
        try:
            with bus_errors():
                info = await self._bus.jetstream.stream_info(STREAM)
        except BusUnavailable as error:
            _log.info("nobody knows how much mail there is", error=error.message)
            return
        finally:
            self._looking = None
        self._limit = max(0, info.config.max_msgs_per_subject or 0)
        self._stored = info.state.messages + self._stored - before
        self._look_again = self._clock.monotonic() + _FRESH_SECONDS

    async def _ask(self, subject: str) -> None:
        async with self._asked_at_a_time:
            with bus_errors():
                info = await self._bus.jetstream.stream_info(STREAM, subjects_filter=subject)
        waiting = (info.state.subjects or {}).get(subject, 0)
        self._left[subject] = max(0, self._limit - waiting), self._clock.monotonic() + _FRESH_SECONDS

    def take(self, subject: str) -> StreamFull | None:
        """Counts a message, or says that there is no room for it, as far as the last `look` knew."""
        known = self._left.get(subject)
        if known is not None:
            left, until = known
            if left <= 0:
                return StreamFull("the mailbox is full", of_subject=True)
            self._left[subject] = left - 1, until
        self._stored += 1
        return None

    def filled(self, subject: str) -> None:
        """Notes that the broker found a mailbox full."""
        self._left[subject] = 0, self._clock.monotonic() + _FULL_SECONDS
