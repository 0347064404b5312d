"""The history of a run, and the judge of it.

What happened is noted by those to whom it happened: senders note what they asked for and what was acknowledged to them,
receivers note what they were delivered, what they did about it, and what was confirmed to them. The checker then says
what broke a promise. Whoever is killed leaves a gap, never a false note: what was not noted is not known to have
happened, and the checker demands nothing of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What is noted."""

    SENDING = "SENDING"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    DELIVERED = "DELIVERED"
    NACKED = "NACKED"
    EFFECT = "EFFECT"
    SETTLED = "SETTLED"


class Lane(NamedTuple):
    """Within it the order is kept: one sender's messages of one priority to one recipient."""

    sender: str
    recipient: str
    priority: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened to a message; `number` counts the messages of a lane in the order they were sent.

    SENDING: it is asked for. ACCEPTED: that was acknowledged. REFUSED: it was told that nothing was stored. DELIVERED:
    it arrived, in that attempt. NACKED: its receiver refused it, so that it comes again. EFFECT: the receiver acted on
    it. SETTLED: its acknowledgement was confirmed.
    """

    kind: Kind
    message_id: str
    lane: Lane
    number: int = 0
    attempt: int = 1


class Fault(StrEnum):
    """A promise that was broken."""

    LOST = "LOST"
    DUPLICATE_EFFECT = "DUPLICATE_EFFECT"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    NEVER_SENT = "NEVER_SENT"
    REFUSED_AND_DELIVERED = "REFUSED_AND_DELIVERED"
    DELIVERED_AFTER_SETTLED = "DELIVERED_AFTER_SETTLED"


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise, and of which message."""

    fault: Fault
    message_id: str
    lane: Lane
    detail: str = ""

    def __str__(self) -> str:
        lane = f"{self.lane.sender} -> {self.lane.recipient} ({self.lane.priority})"
        return f"{self.fault}: message {self.message_id} of {lane}{': ' if self.detail else ''}{self.detail}"


@dataclass
class History:
    """Notes in the order in which they were taken. `given_up` are messages that lawfully end otherwise than settled:
    dead letters, expired and purged ones.
    """

    notes: list[Note] = field(default_factory=list)
    given_up: set[str] = field(default_factory=set)

    def add(self, note: Note) -> None:
        """Takes a note."""
        self.notes.append(note)

    def count(self, kind: Kind) -> int:
        """How many notes of a kind there are."""
        return sum(note.kind is kind for note in self.notes)

    def check(self) -> list[Finding]:
        """Every broken promise; a history that is still going on may show messages as LOST that are on their way."""
        return [
            *_lost(self.notes, self.given_up),
            *_duplicate_effects(self.notes),
            *_out_of_order(self.notes),
            *_unsent(self.notes),
            *_after_settled(self.notes),
        ]

    def unfinished(self) -> set[str]:
        """Accepted messages of which nothing certain is known yet."""
        return {finding.message_id for finding in _lost(self.notes, self.given_up)}


def _lost(notes: Sequence[Note], given_up: Iterable[str]) -> Iterator[Finding]:
    """What was acknowledged to its sender and had no effect at its receiver."""
    done = {note.message_id for note in notes if note.kind is Kind.EFFECT} | set(given_up)
    seen: set[str] = set()
    for note in notes:
        if note.kind is Kind.ACCEPTED and note.message_id not in done and note.message_id not in seen:
            seen.add(note.message_id)
            yield Finding(Fault.LOST, note.message_id, note.lane, "acknowledged to its sender, and never handled")


def _duplicate_effects(notes: Sequence[Note]) -> Iterator[Finding]:
    """What a receiver acted upon more than once."""
    effects = Counter(note.message_id for note in notes if note.kind is Kind.EFFECT)
    lanes = {note.message_id: note.lane for note in notes if note.kind is Kind.EFFECT}
    for message_id, count in effects.items():
        if count > 1:
            yield Finding(Fault.DUPLICATE_EFFECT, message_id, lanes[message_id], f"handled {count} times")


def _out_of_order(notes: Sequence[Note]) -> Iterator[Finding]:
    """First effects of a lane must follow the order in which its messages were sent.

    That is promised of messages that are delivered once; whatever was delivered again is left out.
    """
    redelivered = {note.message_id for note in notes if note.kind is Kind.DELIVERED and note.attempt > 1}
    deliveries = Counter(note.message_id for note in notes if note.kind is Kind.DELIVERED)
    latest: dict[Lane, Note] = {}
    for note in notes:
        if note.kind is not Kind.EFFECT or note.message_id in redelivered or deliveries[note.message_id] > 1:
            continue
        before = latest.get(note.lane)
        if before is not None and note.number < before.number:
            detail = f"number {note.number} was handled after number {before.number}"
            yield Finding(Fault.OUT_OF_ORDER, note.message_id, note.lane, detail)
        else:
            latest[note.lane] = note


def _unsent(notes: Sequence[Note]) -> Iterator[Finding]:
    """What arrived although nobody had asked for it, or everybody who had was told that nothing was stored."""
    asked: defaultdict[str, int] = defaultdict(int)
    refused: Counter[str] = Counter()
    delivered: dict[str, Note] = {}
    for note in notes:
        if note.kind is Kind.SENDING:
            asked[note.message_id] += 1
        elif note.kind is Kind.REFUSED:
            refused[note.message_id] += 1
        elif note.kind is Kind.DELIVERED:
            delivered.setdefault(note.message_id, note)
    for message_id, note in delivered.items():
        if message_id not in asked:
            yield Finding(Fault.NEVER_SENT, message_id, note.lane)
        elif refused[message_id] == asked[message_id]:
            yield Finding(Fault.REFUSED_AND_DELIVERED, message_id, note.lane)


def _after_settled(notes: Sequence[Note]) -> Iterator[Finding]:
    """What came again after its acknowledgement had been confirmed."""
    settled: set[str] = set()
    for note in notes:
        if note.kind is Kind.SETTLED:
            settled.add(note.message_id)
        elif note.kind is Kind.DELIVERED and note.message_id in settled:
            yield Finding(Fault.DELIVERED_AFTER_SETTLED, note.message_id, note.lane)
