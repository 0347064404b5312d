"""One open Heartbeat stream, as those see it who write its beats."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from rookery_registry.heartbeats.beats import Kept
from rookery_registry.model import Instruction


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over the stream. A lease of zero was given back."""

    lease: timedelta
    instructions: tuple[Instruction, ...] = ()


class Pulse:
    """Says only what is new: the first lease, a lease of another duration, instructions, and what was asked for.

    `session_epoch` is that of the last beat; 0 before the first.
    """

    __slots__ = (
        "_answers",
        "_card_told",
        "_drain_told",
        "_ended",
        "_error",
        "_first",
        "_lease",
        "_news",
        "_owed",
        "agent_id",
        "session_epoch",
        "tenant",
    )

    def __init__(self, tenant: str, agent_id: UUID) -> None:
        self.tenant = tenant
        self.agent_id = agent_id
        self.session_epoch = 0
        self._answers: list[Answer] = []
        self._news = asyncio.Event()
        self._error: BaseException | None = None
        self._ended = False
        self._first = True
        self._owed = 0
        self._lease: timedelta | None = None
        self._drain_told = False
        self._card_told = False

    def owe(self, session_epoch: int, *, confirm: bool) -> int:
        """A beat has come: how many answers the stream waits for on its account."""
        self.session_epoch = session_epoch
        owed = 1 if confirm or self._first else 0
        self._first = False
        self._owed += owed
        return owed

    def kept(self, kept: Kept, owed: int) -> None:
        """A beat of this stream is stored, and so many answers are owed for it."""
        self._card_told = self._card_told and kept.card_stale
        instructions = self._new_instructions(draining=kept.draining, card_stale=kept.card_stale)
        self._owed -= owed
        if owed or instructions or kept.duration != self._lease:
            self._lease = kept.duration
            self._say(Answer(kept.duration, instructions))
            for _ in range(owed - 1):
                self._say(Answer(kept.duration))

    def forget(self, owed: int) -> None:
        """Beats were withdrawn; so many answers are no longer owed."""
        self._owed -= owed
        self._news.set()

    def instructed(self, *, draining: bool) -> None:
        """Tells at once what the next stored beat would have told; nothing before the first."""
        if self._lease and (new := self._new_instructions(draining=draining, card_stale=False)):
            self._say(Answer(self._lease, new))

    def given_back(self) -> None:
        """The lease is given back; the next beat begins another."""
        self._lease = timedelta(0)
        self._first = False
        self._say(Answer(self._lease))

    def end(self, error: BaseException | None = None) -> None:
        """Ends the stream with an error at once, or without one as soon as no answer is owed."""
        if self._error is None:
            self._error = error
        self._ended = True
        self._news.set()

    async def answers(self) -> AsyncIterator[Answer]:
        """What is to be sent, until the stream ends. Raises the error that ended it."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._answers:
                yield self._answers.pop(0)
            if self._error is not None:
                raise self._error
            if self._ended and not self._owed:
                return

    def _say(self, answer: Answer) -> None:
        self._answers.append(answer)
        self._news.set()

    def _new_instructions(self, *, draining: bool, card_stale: bool) -> tuple[Instruction, ...]:
        new: list[Instruction] = []
        if draining != self._drain_told:
            self._drain_told = draining
            new.append(Instruction.DRAIN if draining else Instruction.RESUME)
        if card_stale and not self._card_told:
            self._card_told = True
            new.append(Instruction.REFRESH_CARD)
        return tuple(new)
