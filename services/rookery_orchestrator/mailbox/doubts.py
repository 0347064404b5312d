"""Which mail has to be looked for in the inbox before it is delivered."""

import asyncio

from rookery_orchestrator.mailbox.broker import Handle
from rookery_orchestrator.mailbox.inbox_summary import InboxSummary


class Doubts:
    """What may have been settled before, of the mail in one mailbox.

    A summary of the inbox may lack what another stream has settled in the last seconds. So it is believed of such mail
    only as was never given to another stream: what was stored after this one has held the mailbox for as long, by when
    the stream before has learned that it does not, and is handed out for the first time.
    """

    def __init__(self, summary: InboxSummary) -> None:
        self._summary = summary
        self._held_since = float("inf")
        self._beyond: int | None = None

    def begin(self) -> None:
        """Takes note that this stream has taken the mailbox, once more if it comes to that."""
        self._held_since = asyncio.get_running_loop().time()
        self._beyond = None

    def about(self, handle: Handle, key: bytes) -> bool:
        """Whether the inbox must be asked for mail with this key."""
        if self._beyond is None:
            complete = self._summary.complete
            if complete is None or complete.moment < self._held_since + self._summary.age:
                return True
            self._beyond = complete.place
        return handle.attempt > 1 or handle.sequence <= self._beyond or self._summary.may_hold(key)
