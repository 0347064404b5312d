"""Replicas tell each other what they admitted, and notice when nothing comes through any more."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from rookery_kit.bus import Bus, BusUnavailable
from rookery_kit.bus.subjects import RATE_USAGE_SUBJECT
from rookery_kit.clock import Clock, new_id
from rookery_kit.rate_limits.limiter import RateLimiter, Usage
from rookery_kit.rate_limits.usage_report import decode, encode

# Reports are at least this far apart: what replicas admit in between, none knows of the others.
_SPACING_SECONDS = 0.02
# A replica hears its own reports, too; one that hears none of so many has lost the others, whatever its socket says.
_BEAT_SECONDS = 0.5
_UNHEARD_BEATS = 4
_START_SECONDS = 1.0
_MOST_A_MESSAGE = 5_000
_log = structlog.get_logger(__name__)


class Reconciliation:
    """Keeps the limits of this replica in line with those of all others, whatever service they are of."""

    def __init__(self, limiter: RateLimiter, bus: Bus, clock: Clock) -> None:
        self._limiter = limiter
        self._bus = bus
        self._clock = clock
        self._replica = new_id()
        self._next_beat = float("-inf")
        self._unheard = 0
        self._echoed = asyncio.Event()
        self._judged: bool | None = None

    async def start(self) -> None:
        """Begins to listen, and waits a moment for its own first report, so that the first call finds it reconciled.

        Raises BusUnavailable.
        """
        try:
            await self._bus.client.subscribe(RATE_USAGE_SUBJECT, cb=self._hear)
            await self._bus.client.flush()
        except (NatsError, OSError, TimeoutError) as error:
            raise BusUnavailable(f"reports of admitted requests cannot be heard: {type(error).__name__}") from error
        await self._tell(())
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                await self._echoed.wait()
        self._judge(heard=self._echoed.is_set())

    async def run(self) -> None:
        """Reports until cancelled: soon after there is something to tell, and at every beat."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_BEAT_SECONDS):
                    await self._limiter.due.wait()
            await self._report()
            await asyncio.sleep(_SPACING_SECONDS)

    async def _report(self) -> None:
        usage = self._limiter.take_usage()
        if not self._bus.client.is_connected:
            # From here on only an echo tells that reports come through again.
            self._unheard = _UNHEARD_BEATS + 1
            self._judge(heard=False)
            return
        beat = self._clock.monotonic() >= self._next_beat
        if beat:
            self._next_beat = self._clock.monotonic() + _BEAT_SECONDS
            self._unheard += 1
        if beat or usage:
            await self._tell(usage)
        self._judge(heard=self._unheard <= _UNHEARD_BEATS)

    async def _tell(self, usage: Sequence[Usage]) -> None:
        try:
            for begin in range(0, max(len(usage), 1), _MOST_A_MESSAGE):
                report = encode(self._replica, usage[begin : begin + _MOST_A_MESSAGE])
                await self._bus.client.publish(RATE_USAGE_SUBJECT, report)
        except (NatsError, OSError, TimeoutError) as error:
            # What was not told is lost; that nothing is heard either decides on what follows.
            _log.debug("admitted requests not reported", error=type(error).__name__)

    async def _hear(self, message: Msg) -> None:
        try:
            replica, usages = decode(message.data)
        except ValueError:
            _log.warning("report of admitted requests is malformed", bytes=len(message.data))
            return
        if replica == self._replica:
            self._unheard = 0
            self._echoed.set()
            return
        for usage in usages:
            self._limiter.charge(usage)

    def _judge(self, *, heard: bool) -> None:
        if heard == self._judged:
            return
        self._judged = self._limiter.reconciled = heard
        if heard:
            _log.info("rate limits reconciled")
        else:
            consequence = "calls are refused" if self._limiter.refusing else "each replica grants the whole limit"
            _log.warning("rate limits not reconciled", consequence=consequence)
