"""The inbox at the receiver's side: which messages have been settled, so that none is delivered twice."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, Protocol

from rookery_kit.group_commit import GroupCommit
from rookery_kit.spacing import Spacing

from rookery_orchestrator.mailbox.inbox_summary import InboxSummary

_LARGEST = 2_000
# Who acknowledges has nothing to wait for: more of it shares a commit, and the frame that confirms it.
_ADDING_SECONDS = 0.01


class Settled(NamedTuple):
    """A message that was acknowledged, by its key, in which delivery."""

    tenant: str
    key: bytes
    delivery: int


class SettledStore(Protocol):
    """Keeps keys for the time that `docs/guarantees.md` promises. All methods raise Unavailable."""

    async def add(self, settled: Sequence[Settled]) -> None:
        """Keeps keys, durably."""
        ...

    async def known(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of the keys that are kept."""
        ...


def message_key(tenant: str, sender: str, message_id: str) -> bytes:
    """What tells messages apart: of each tenant, by sender and id."""
    name = f"{tenant}\0{sender}\0{message_id}"
    return blake2b(name.encode(), digest_size=16).digest()


class SettledInbox:
    """Asks and tells the store in groups: what all mailboxes of this replica want at a time is one statement.

    What it is told is in its summary as well.
    """

    def __init__(self, store: SettledStore, summary: InboxSummary) -> None:
        self._store = store
        self.summary = summary
        self._adding: GroupCommit[Settled, None] = GroupCommit(self._add, _LARGEST, Spacing(_ADDING_SECONDS))
        self._asking: GroupCommit[bytes, bool] = GroupCommit(self._ask, _LARGEST)

    async def add(self, settled: Sequence[Settled]) -> None:
        """Keeps keys and answers when that is durable. Raises Unavailable."""
        with self.summary.settling([each.key for each in settled]):
            await self._adding.submit_all(settled)

    async def known(self, keys: Sequence[bytes]) -> Sequence[bool]:
        """Whether each of the keys is kept, in order. Raises Unavailable."""
        return await self._asking.submit_all(keys)

    async def _add(self, settled: Sequence[Settled]) -> Sequence[None]:
        await self._store.add(settled)
        return [None] * len(settled)

    async def _ask(self, keys: Sequence[bytes]) -> Sequence[bool]:
        known = await self._store.known(keys)
        self.summary.add(known)
        return [key in known for key in keys]
