"""An agent's mailbox on JetStream, held by one stream."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

import structlog
from rookery_kit.errors import Unavailable

from rookery_orchestrator.mailbox.broker import Fetched, Handle, Settling, Verdict
from rookery_orchestrator.mailbox.claim import Claim
from rookery_orchestrator.mailbox.dead_letters import DeadLetters
from rookery_orchestrator.mailbox.failure_history import FailureHistory
from rookery_orchestrator.mailbox.model import DeadReason, Failure, MessageState, Priority
from rookery_orchestrator.mailbox.outcome_log import OutcomeLog
from rookery_orchestrator.mailbox.pulls import Pulls
from rookery_orchestrator.mailbox.recall import Recall
from rookery_orchestrator.mailbox.removal import Removal
from rookery_orchestrator.mailbox.settled_inbox import Settled, SettledInbox
from rookery_orchestrator.mailbox.sieve import Sieve
from rookery_orchestrator.mailbox.verdicts import Verdicts

_STRAGGLER_SECONDS = 0.5
_RETRY_SECONDS = 0.2
_log = structlog.get_logger(__name__)


class JetStreamMailbox:
    """Joins the parts to an `OpenedMailbox`. `forget` is called when it is closed."""

    def __init__(
        self,
        *,
        tenant: str,
        claim: Claim,
        pulls: Pulls,
        verdicts: Verdicts,
        history: FailureHistory,
        dead_letters: DeadLetters,
        outcomes: OutcomeLog,
        inbox: SettledInbox,
        sieve: Sieve,
        removal: Removal,
        recall: Recall,
        forget: Callable[[], None],
    ) -> None:
        self._tenant = tenant
        self._history = history
        self._outcomes = outcomes
        self._inbox = inbox
        self._sieve = sieve
        self._removal = removal
        self._recall = recall
        self._taken_out: dict[Priority, list[Fetched]] = {}
        self._claim = claim
        self._pulls = pulls
        self._verdicts = verdicts
        self._dead_letters = dead_letters
        self._forget = forget

    @property
    def ready(self) -> Set[Priority]:
        """The priorities that may have mail."""
        return self._pulls.ready

    async def until_ready(self, room: int) -> None:
        """Waits until `ready` names one, with room for so much mail. Raises BusUnavailable."""
        await self._recall.carry_out()
        await self._pulls.until_ready(room)

    async def pull(self, counts: Mapping[Priority, int]) -> dict[Priority, list[Fetched]]:
        """Takes out at most so many pieces of mail of each priority, for the agent to see.

        Raises BusUnavailable, or DatabaseUnavailable; what had been taken out comes with the next pull then.
        """
        if not self._taken_out:
            await self._pulls.see_to_consumers(counts)
            await self._recall.carry_out()
            self._taken_out = await self._pulls.pull(counts)
        fetched = await self._sieve.sift(self._taken_out)
        self._taken_out = {}
        return fetched

    async def settle(self, verdicts: Sequence[Verdict]) -> list[bool]:
        """Carries the verdicts out and answers when that is certain."""
        acked = [verdict.handle for verdict in verdicts if verdict.settling is Settling.REMOVE]
        if acked:
            await self._remember(acked)
            self._sieve.forget(acked)
            self._removal.settled(acked)
        others = [verdict for verdict in verdicts if verdict.settling is not Settling.REMOVE]
        for verdict in others:
            if verdict.settling is Settling.RETURN:
                self._removal.returned(verdict.handle)
                self._sieve.forget([verdict.handle])
        if not others:
            return [True] * len(verdicts)
        carried_out = iter(await self._verdicts.settle(others))
        return [verdict.settling is Settling.REMOVE or next(carried_out) for verdict in verdicts]

    async def extend(self, handles: Iterable[Handle]) -> None:
        """Keeps mail from being handed out again for another while."""
        held = (mail.handle for several in self._taken_out.values() for mail in several)
        await self._verdicts.extend([*handles, *held, *self._pulls.held()])

    async def note(self, handle: Handle, failure: Failure) -> int:
        """Adds a failure to the history of mail and answers how often it has failed now."""
        return await self._history.note(handle, failure)

    async def failures(self, handle: Handle) -> int:
        """How often mail has failed. Raises BusUnavailable."""
        return (await self._history.read(handle)).count

    async def bury(self, handle: Handle, reason: DeadReason, detail: str, attempts: int) -> bool:
        """Moves mail to the dead letters and answers when that is certain."""
        buried = await self._dead_letters.bury(handle, reason, detail, attempts)
        self._sieve.forget([handle])
        self._removal.gone(handle)
        if buried and handle.envelope is not None:
            self._outcomes.tell(self._tenant, [(handle.envelope, handle.attempt)], MessageState.DEAD_LETTERED)
        return buried

    async def until_superseded(self) -> None:
        """Waits until another stream holds the mailbox. Raises SessionSuperseded then."""
        await self._claim.until_superseded()

    async def close(self, unsettled: Iterable[Handle]) -> None:
        """Gives the mailbox up and returns what is unsettled at once, as far as the broker can be reached."""
        self._forget()
        stragglers = await self._pulls.close(_STRAGGLER_SECONDS)
        held = (mail.handle for several in self._taken_out.values() for mail in several)
        # In this order: a purge makes the server forget what it is to deliver again at once.
        await self._removal.close()
        await self._verdicts.give_back(sorted([*unsettled, *stragglers, *held], key=_place))

    async def _remember(self, handles: Sequence[Handle]) -> None:
        """Notes that messages are settled, durably; an outage of the database is waited out."""
        settled = [Settled(self._tenant, self._sieve.key(handle), handle.attempt) for handle in handles]
        while True:
            try:
                return await self._inbox.add(settled)
            except Unavailable as error:
                _log.warning("settlements wait", reason=error.reason, waiting=len(settled))
                await asyncio.sleep(_RETRY_SECONDS)


def _place(handle: Handle) -> int:
    return handle.sequence
