"""What of the mail taken out is for its agent."""

from collections.abc import Iterable, Mapping, Sequence, Set

from rookery_kit.clock import Clock

from rookery_orchestrator.mailbox.broker import Fetched, Handle, Settling, Verdict
from rookery_orchestrator.mailbox.doubts import Doubts
from rookery_orchestrator.mailbox.model import Envelope, MessageState, Priority
from rookery_orchestrator.mailbox.outcome_log import OutcomeLog
from rookery_orchestrator.mailbox.removal import Removal
from rookery_orchestrator.mailbox.settled_inbox import SettledInbox, message_key
from rookery_orchestrator.mailbox.verdicts import Verdicts

_TWIN_SECONDS = 1.0


class Sieve:
    """Lets through what is neither settled nor expired, of each message one copy at a time."""

    def __init__(
        self,
        tenant: str,
        inbox: SettledInbox,
        doubts: Doubts,
        removal: Removal,
        verdicts: Verdicts,
        outcomes: OutcomeLog,
        clock: Clock,
    ) -> None:
        self._tenant = tenant
        self._inbox = inbox
        self._doubts = doubts
        self._removal = removal
        self._verdicts = verdicts
        self._outcomes = outcomes
        self._clock = clock
        self._out: dict[bytes, int] = {}
        self._keys: dict[int, bytes] = {}

    async def sift(self, fetched: Mapping[Priority, list[Fetched]]) -> dict[Priority, list[Fetched]]:
        """The mail for the agent, in the order it came in; the rest is seen to.

        Raises Unavailable, and has done nothing then.
        """
        handles = [mail.handle for several in fetched.values() for mail in several if mail.handle.envelope]
        keys = [self.key(handle) for handle in handles]
        known = await self._known(handles, keys)
        now = self._clock.now()
        done: list[Handle] = []
        twins: list[Handle] = []
        expired: list[tuple[Envelope, int]] = []
        for handle, key in zip(handles, keys, strict=True):
            if key in known:
                done.append(handle)
            elif handle.envelope and handle.envelope.expire_time and handle.envelope.expire_time <= now:
                done.append(handle)
                expired.append((handle.envelope, 0))
            elif self._out.setdefault(key, handle.sequence) != handle.sequence:
                twins.append(handle)
            else:
                self._keys[handle.sequence] = key
        self._outcomes.tell(self._tenant, expired, MessageState.EXPIRED)
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

    async def _known(self, handles: Sequence[Handle], keys: Sequence[bytes]) -> Set[bytes]:
        """Those of the keys that have been settled."""
        doubtful = [
            key
            for handle, key in zip(handles, keys, strict=True)
            # What is out here is not settled yet, or just being so: it is not delivered again in any case.
            if handle.sequence not in self._keys and self._doubts.about(handle, key)
        ]
        if not doubtful:
            return frozenset()
        known = await self._inbox.known(doubtful)
        return {key for key, is_known in zip(doubtful, known, strict=True) if is_known}

    def key(self, handle: Handle) -> bytes:
        """What the inbox knows mail by. The handle has an envelope."""
        key = self._keys.get(handle.sequence)
        if key is None:
            assert handle.envelope is not None
            key = message_key(self._tenant, handle.envelope.sender, handle.envelope.id)
        return key

    def forget(self, handles: Iterable[Handle]) -> None:
        """Notes that mail is not out any more."""
        for handle in handles:
            key = self._keys.pop(handle.sequence, None)
            if key is not None:
                del self._out[key]
