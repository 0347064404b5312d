"""Beats of many streams are written together, a few times a second."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_registry.heartbeats.beats import Beat, BeatStore, Kept
from rookery_registry.heartbeats.pulse import Pulse

_MOST = 2_000
_RETRY_SECONDS = 0.2
GIVE_UP_SECONDS = 10.0
"""How long beats wait for a database that is away before their streams end."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Pending:
    """A beat that is not stored yet: since when, in the clock's monotonic seconds, and over which streams it came.

    `owed` holds how many answers each stream waits for.
    """

    since: float
    owed: dict[Pulse, int] = field(default_factory=dict)


class BeatGroups:
    """Collects beats and writes them in groups.

    An ordinary beat waits for its group up to `every_seconds`; one that is to be answered goes at once, together with
    what has come while the group before it was written. What cannot be written stays, for at most GIVE_UP_SECONDS.
    """

    def __init__(self, store: BeatStore, clock: Clock, every_seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._every_seconds = every_seconds
        self._pending: dict[Beat, Pending] = {}
        self._streams: dict[tuple[str, UUID], set[Pulse]] = {}
        self._some = asyncio.Event()
        self._urgent = asyncio.Event()
        self._writing = asyncio.Lock()

    def open(self, tenant: str, agent_id: UUID) -> Pulse:
        """A stream has been opened."""
        pulse = Pulse(tenant, agent_id)
        self._streams.setdefault((tenant, agent_id), set()).add(pulse)
        return pulse

    def close(self, pulse: Pulse) -> None:
        """A stream has ended. Beats that came over it are still written."""
        key = (pulse.tenant, pulse.agent_id)
        streams = self._streams[key]
        streams.discard(pulse)
        if not streams:
            del self._streams[key]

    def streams_of(self, tenant: str, agent_id: UUID) -> frozenset[Pulse]:
        """The streams of an agent that are open on this replica."""
        return frozenset(self._streams.get((tenant, agent_id), ()))

    def take(self, pulse: Pulse, session_epoch: int, *, confirm: bool) -> None:
        """A beat has come. It is answered once it is stored where that is asked for, or it is the stream's first."""
        owed = pulse.owe(session_epoch, confirm=confirm)
        self._hold(Beat(pulse.tenant, pulse.agent_id, session_epoch), pulse, owed, self._clock.monotonic())
        self._some.set()
        if owed:
            self._urgent.set()

    async def withdraw(self, tenant: str, agent_id: UUID) -> None:
        """Forgets the beats of an agent that wait here; when it returns, none of them is about to be written."""
        async with self._writing:
            for beat in [each for each in self._pending if (each.tenant, each.agent_id) == (tenant, agent_id)]:
                for pulse, owed in self._pending.pop(beat).owed.items():
                    pulse.forget(owed)

    async def run(self) -> None:
        """Writes until cancelled. Outages of the database are waited out."""
        while True:
            await self._some.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_seconds):
                    await self._urgent.wait()
            self._some.clear()
            self._urgent.clear()
            async with self._writing:
                try:
                    await self._write()
                except RookeryError as error:
                    _log.warning("heartbeats wait", reason=error.reason, agents=len(self._pending))
                    self._give_up(error)
            if self._pending:
                await asyncio.sleep(_RETRY_SECONDS)
                self._some.set()

    async def _write(self) -> None:
        taken, self._pending = self._pending, {}
        beats = list(taken)
        written = 0
        try:
            while written < len(beats):
                group = beats[written : written + _MOST]
                for beat, outcome in zip(group, await self._store.keep(group), strict=True):
                    pending = taken[beat]
                    if isinstance(outcome, Kept):
                        for pulse, owed in pending.owed.items():
                            pulse.kept(outcome, owed)
                    elif outcome is None:
                        self._put_back(beat, pending)
                    else:
                        for pulse in pending.owed:
                            pulse.end(outcome)
                written += len(group)
        finally:
            for beat in beats[written:]:
                self._put_back(beat, taken[beat])

    def _hold(self, beat: Beat, pulse: Pulse, owed: int, since: float) -> None:
        pending = self._pending.get(beat)
        if pending is None:
            pending = self._pending[beat] = Pending(since)
        pending.owed[pulse] = pending.owed.get(pulse, 0) + owed

    def _put_back(self, beat: Beat, pending: Pending) -> None:
        for pulse, owed in pending.owed.items():
            self._hold(beat, pulse, owed, pending.since)
        self._pending[beat].since = min(self._pending[beat].since, pending.since)

    def _give_up(self, error: RookeryError) -> None:
        """Ends the streams whose beats have waited too long; an agent may find a replica that reaches the database."""
        too_old = self._clock.monotonic() - GIVE_UP_SECONDS
        for beat, pending in list(self._pending.items()):
            if pending.since < too_old:
                del self._pending[beat]
                for pulse in pending.owed:
                    pulse.end(error)
