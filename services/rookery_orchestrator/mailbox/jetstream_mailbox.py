"""An agent's mailbox on JetStream, held by one stream."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from rookery_orchestrator.mailbox.broker import Fetched, Handle, Verdict
from rookery_orchestrator.mailbox.claim import Claim
from rookery_orchestrator.mailbox.dead_letters import DeadLetters
from rookery_orchestrator.mailbox.model import DeadReason, Priority
from rookery_orchestrator.mailbox.pulls import Pulls
from rookery_orchestrator.mailbox.verdicts import Verdicts

_STRAGGLER_SECONDS = 0.5


class JetStreamMailbox:
    """Joins the parts to an `OpenedMailbox`. `forget` is called when it is closed."""

    def __init__(
        self, *, claim: Claim, pulls: Pulls, verdicts: Verdicts, dead_letters: DeadLetters, forget: Callable[[], None]
    ) -> None:
        self._claim = claim
        self._pulls = pulls
        self._verdicts = verdicts
        self._dead_letters = dead_letters
        self._forget = forget

    @property
    def ready(self) -> Collection[Priority]:
        """The priorities that may have mail."""
        return self._pulls.ready

    async def until_ready(self) -> None:
        """Waits until `ready` names one."""
        await self._pulls.until_ready()

    async def pull(self, counts: Mapping[Priority, int]) -> dict[Priority, list[Fetched]]:
        """Takes out at most so many pieces of mail of each priority. Raises BusUnavailable."""
        return await self._pulls.pull(counts)

    async def settle(self, verdicts: Sequence[Verdict]) -> list[bool]:
        """Carries the verdicts out and answers when that is certain."""
        return await self._verdicts.settle(verdicts)

    async def extend(self, handles: Iterable[Handle]) -> None:
        """Keeps mail from being handed out again for another while."""
        await self._verdicts.extend(handles)

    async def bury(self, handle: Handle, reason: DeadReason, detail: str, attempts: int) -> bool:
        """Moves mail to the dead letters and answers when that is certain."""
        return await self._dead_letters.bury(handle, reason, detail, attempts)

    async def until_superseded(self) -> None:
        """Waits until another stream holds the mailbox. Raises SessionSuperseded then."""
        await self._claim.until_superseded()

    async def close(self, unsettled: Iterable[Handle]) -> None:
        """Gives the mailbox up and returns what is unsettled at once, as far as the broker can be reached."""
        self._forget()
        stragglers = await self._pulls.close(_STRAGGLER_SECONDS)
        await self._verdicts.give_back([*unsettled, *stragglers])
        await self._pulls.inbox.close()
