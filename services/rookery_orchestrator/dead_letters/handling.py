"""Looking at dead letters, and deciding what becomes of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rookery_kit.filtering import EVERYTHING, Expression
from rookery_kit.identity import Principal

from rookery_orchestrator.dead_letters.model import DeadLetter, DeadLetterState, Place, Selection
from rookery_orchestrator.dead_letters.store import DeadLetterStore

MANAGE = "dead_letters:manage"


@dataclass(frozen=True, slots=True)
class Target:
    """One dead letter, or, without an id, all that are DEAD and match."""

    dead_letter_id: str = ""
    filter: Expression = EVERYTHING


class ReadDeadLetters:
    """Shows dead letters: an agent sees those of its own mailbox, unless it may manage them all."""

    def __init__(self, store: DeadLetterStore) -> None:
        self._store = store

    async def page(
        self, caller: Principal, wanted: Expression, after: Place | None, limit: int
    ) -> Sequence[DeadLetter]:
        """Dead letters, newest first; where nothing is asked for, those that are DEAD. Raises InvalidFilter."""
        state = DeadLetterState.DEAD if wanted == EVERYTHING else None
        selection = Selection(_mailbox_of(caller), state, wanted)
        return await self._store.page(caller.tenant, selection, after, limit)

    async def find(self, caller: Principal, dead_letter_id: str) -> DeadLetter:
        """One dead letter. Raises DeadLetterNotFound."""
        return await self._store.find(caller.tenant, dead_letter_id.lower(), _mailbox_of(caller))


class SettleDeadLetters:
    """Requeues and discards. What is requeued is on its way when this answers: `requeuing` is told after the commit."""

    def __init__(
        self,
        store: DeadLetterStore,
        after_commit: Callable[[Callable[[], None]], None],
        requeuing: Callable[[], None],
    ) -> None:
        self._store = store
        self._after_commit = after_commit
        self._requeuing = requeuing

    async def requeue(self, caller: Principal, target: Target) -> int:
        """Sends dead letters into their mailboxes again; answers how many.

        Raises DeadLetterNotFound, DeadLetterSettled, InvalidFilter.
        """
        count = await self._settle(caller, target, DeadLetterState.REQUEUING)
        self._after_commit(self._requeuing)
        return count

    async def discard(self, caller: Principal, target: Target) -> int:
        """Discards dead letters; answers how many. Raises as `requeue` does."""
        return await self._settle(caller, target, DeadLetterState.DISCARDED)

    async def _settle(self, caller: Principal, target: Target, state: DeadLetterState) -> int:
        if target.dead_letter_id:
            await self._store.settle_one(caller.tenant, target.dead_letter_id.lower(), state, caller.subject)
            return 1
        selection = Selection(state=DeadLetterState.DEAD, filter=target.filter)
        return await self._store.settle_all(caller.tenant, selection, state, caller.subject)


def _mailbox_of(caller: Principal) -> str | None:
    return caller.identifier if caller.kind == "agent" and not caller.permits(MANAGE) else None
