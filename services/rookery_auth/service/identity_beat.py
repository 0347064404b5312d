"""Telling every service, every two seconds, that what it knows of callers is what auth knows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_auth.identity_stream import IdentityStream, StreamState
from rookery_auth.key_ring import KeyRing
from rookery_auth.store import RevocationStore

_EVERY_SECONDS = 2.0
_AT_ONCE_SECONDS = 1.0
_POLL_SECONDS = 0.05
_POLLS = 30
_SWEEP_BEATS = 30
_SWEEP_AT_MOST = 1000
_log = structlog.get_logger(__name__)


class IdentityBeat:
    """Beats while the database answers and everything announced has left the outbox.

    `replays` announce all that is in force: called at the start, and whenever the stream may lack something, as after
    a loss of the server's disk.
    """

    def __init__(
        self,
        stream: IdentityStream,
        ring: KeyRing,
        revocations: RevocationStore,
        clock: Clock,
        replays: Sequence[Callable[[], Awaitable[None]]],
    ) -> None:
        self._stream = stream
        self._ring = ring
        self._revocations = revocations
        self._clock = clock
        self._replays = replays
        self._seen: StreamState | None = None
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._beats = 0

    def wake(self) -> None:
        """Has it beat at once, as after the keys have changed."""
        self._wake.set()

    async def run(self) -> None:
        """Beats until cancelled. Outages are waited out in silence, which is what tells services of them."""
        while True:
            self._wake.clear()
            try:
                await self.beat()
            except RookeryError as error:
                _log.warning("identity beat waits", reason=error.reason)
            try:
                async with asyncio.timeout(_EVERY_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def beat(self) -> None:
        """One beat, after a replay where one is due. Raises DatabaseUnavailable, BusUnavailable."""
        async with self._one_at_a_time:
            await self._beat()

    async def beat_now(self) -> None:
        """Beats before it returns, where that takes no longer than a second; else the loop does so later."""
        try:
            async with asyncio.timeout(_AT_ONCE_SECONDS):
                await self.beat()
        except (RookeryError, TimeoutError) as error:
            _log.warning("answered before it was announced", error=str(error) or type(error).__name__)
            self.wake()

    async def _beat(self) -> None:
        await self._ring.refresh()
        state = await self._stream.state()
        if self._seen is None or state.may_lack_what(self._seen):
            _log.info("announcing all revocations and tenants", stream_created=str(state.created))
            for replay in self._replays:
                await replay()
        self._seen = state
        for _ in range(_POLLS):
            if not await self._revocations.waiting():
                break
            await asyncio.sleep(_POLL_SECONDS)
        else:
            # A beat must not overtake what was announced before it.
            _log.warning("identity beat left out: announcements wait in the outbox")
            return
        await self._stream.beat(self._clock.now(), [key.kid for key in self._ring.published()])
        self._beats += 1
        if self._beats % _SWEEP_BEATS == 0:
            await self._sweep(state)

    async def _sweep(self, state: StreamState) -> None:
        expired = await self._revocations.expired(_SWEEP_AT_MOST)
        await self._stream.remove(expired, state.last_sequence)
        await self._revocations.forget(expired)
