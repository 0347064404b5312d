"""What is kept of dead letters. Every method is atomic, and durable when it returns."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from rookery_orchestrator.dead_letters.model import DeadLetter, DeadLetterState, Place, Selection

# Puts one into its mailbox; answers whether that is certain.
Requeue = Callable[[DeadLetter], Awaitable[bool]]


class DeadLetterStore(Protocol):
    """Dead letters of every mailbox."""

    async def page(self, tenant: str, selection: Selection, after: Place | None, limit: int) -> Sequence[DeadLetter]:
        """Dead letters, newest first. Raises InvalidFilter."""
        ...

    async def find(self, tenant: str, dead_letter_id: str, agent_id: str | None) -> DeadLetter:
        """The dead letter of an id, of this agent's mailbox; None: of any. Raises DeadLetterNotFound."""
        ...

    async def count(self, tenant: str, agent_id: str) -> int:
        """How many of a mailbox are DEAD."""
        ...

    async def settle_one(self, tenant: str, dead_letter_id: str, state: DeadLetterState, by: str) -> None:
        """Changes the state of one that is DEAD. Raises DeadLetterNotFound, DeadLetterSettled."""
        ...

    async def settle_all(self, tenant: str, selection: Selection, state: DeadLetterState, by: str) -> int:
        """Changes the state of those selected that are DEAD, and answers how many. Raises InvalidFilter."""
        ...

    async def requeue_some(self, limit: int, requeue: Requeue) -> int:
        """Hands at most so many that are REQUEUING to `requeue`; they are REQUEUED where it says so.

        Answers how many that were. Each is handed to one replica at a time.
        """
        ...
