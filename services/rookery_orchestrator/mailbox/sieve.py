"""What of the mail taken out is for its agent."""

from collections.abc import Iterable, Mapping

from rookery_kit.clock import Clock

from rookery_orchestrator.mailbox.broker import Fetched, Handle, Settling, Verdict
from rookery_orchestrator.mailbox.model import MessageState, Priority
from rookery_orchestrator.mailbox.outcome_log import OutcomeLog
from rookery_orchestrator.mailbox.removal import Removal
from rookery_orchestrator.mailbox.settled_inbox import SettledInbox, message_key
from rookery_orchestrator.mailbox.verdicts import Verdicts

_TWIN_SECONDS = 1.0


class Sieve:
    """Lets through what is neither settled nor expired, of each message one copy at a time."""

    def __init__(
        self, tenant: str, inbox: SettledInbox, removal: Removal, verdicts: Verdicts, outcomes: OutcomeLog, clock: Clock
    ) -> None:
        self._tenant = tenant
        self._inbox = inbox
        self._removal = removal
        self._verdicts = verdicts
        self._outcomes = outcomes
        self._clock = clock
        self._out: dict[bytes, int] = {}

    async def sift(self, fetched: Mapping[Priority, list[Fetched]]) -> dict[Priority, list[Fetched]]:
        """The mail for the agent, in the order it came in; the rest is seen to.

        Raises Unavailable, and has done nothing then.
        """
        handles = [mail.handle for several in fetched.values() for mail in several if mail.handle.envelope]
        keys = [self.key(handle) for handle in handles]
        known = await self._inbox.known(keys) if keys else ()
        now = self._clock.now()
        done: list[Handle] = []
        twins: list[Handle] = []
        for handle, key, is_known in zip(handles, keys, known, strict=True):
            if is_known:
                done.append(handle)
            elif handle.envelope and handle.envelope.expire_time and handle.envelope.expire_time <= now:
                done.append(handle)
                self._outcomes.tell(self._tenant, handle.envelope, MessageState.EXPIRED, 0)
            elif self._out.setdefault(key, handle.sequence) != handle.sequence:
                twins.append(handle)
        if not done and not twins:
            return dict(fetched)
        self._removal.settled(done)
        if twins:
            for handle in twins:
                self._removal.returned(handle)
            # The copy that is out may yet be refused, so this one is kept until it is settled.
            await self._verdicts.settle([Verdict(handle, Settling.RETURN, _TWIN_SECONDS) for handle in twins])
        sifted = {handle.sequence for handle in (*done, *twins)}
        return {
            priority: [mail for mail in several if mail.handle.sequence not in sifted]
            for priority, several in fetched.items()
        }

    def key(self, handle: Handle) -> bytes:
        """What the inbox knows mail by. The handle has an envelope."""
        assert handle.envelope is not None
        return message_key(self._tenant, handle.envelope)

    def forget(self, handles: Iterable[Handle]) -> None:
        """Notes that mail is not out any more."""
        for handle in handles:
            if handle.envelope is not None:
                key = self.key(handle)
                if self._out.get(key) == handle.sequence:
                    del self._out[key]
