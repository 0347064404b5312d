"""What is kept of the audit trail. Every method is atomic, and durable when it returns."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Protocol

from rookery_orchestrator.trail.model import AnswerKey, EndEntry, MessageRecord, Question, SentEntry, TrailQuery


class TrailStore(Protocol):
    """The trail, in partitions of a day."""

    async def ensure_days(self, days: Collection[date]) -> None:
        """Makes room for messages that were accepted on these days (UTC)."""
        ...

    async def drop_days(self, before: date) -> int:
        """Forgets every message that was accepted before a day; answers how many days that were."""
        ...

    async def append(self, sent: Sequence[SentEntry], ended: Sequence[EndEntry]) -> Sequence[EndEntry]:
        """Takes entries down; those of messages that it has already change nothing.

        Answers the ends of messages that it does not know.
        """
        ...

    async def append_missing(self, sent: Sequence[SentEntry]) -> None:
        """Takes down those of whose sender and id there is nothing that was accepted within the bus's window."""
        ...

    async def questions(self, answers: Collection[AnswerKey]) -> Mapping[AnswerKey, Question]:
        """The requests that were answered, as far as the trail has them."""
        ...

    async def page(self, tenant: str, query: TrailQuery) -> Sequence[MessageRecord]:
        """Messages, newest first."""
        ...
