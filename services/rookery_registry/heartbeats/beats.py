"""Beats, and what becomes of them in storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from rookery_kit.errors import RookeryError


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life of one session of an agent."""

    tenant: str
    agent_id: UUID
    session_epoch: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A lease that runs its whole `duration` from now, and what the agent is to be told."""

    duration: timedelta
    draining: bool
    card_stale: bool


# What became of a beat: the lease is kept; the session is over; None: its row was held, so it is to be tried again.
Outcome = Kept | RookeryError | None


class BeatStore(Protocol):
    """Writes groups of beats."""

    async def keep(self, beats: Sequence[Beat]) -> Sequence[Outcome]:
        """The outcome of each beat, all of them in one transaction; agents that are back are announced in it.

        No two beats are of one agent and session. Raises DatabaseUnavailable; then none has been kept, or all.
        """
        ...
