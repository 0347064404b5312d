"""Asking one consumer for mail before there is some, so that it is handed out as it comes."""

import asyncio
from collections.abc import Callable

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from rookery_orchestrator.mailbox.pull_request import PullEnd, pull_as_it_comes, pull_end, still_wanted
from rookery_orchestrator.mailbox.reply_inbox import ReplyInbox
from rookery_orchestrator.mailbox.uplink import Uplink

_SLACK_SECONDS = 5.0
_MOST_AHEAD = 256
_QUICKLY_SECONDS = 0.5


class StandingRequest:
    """How much mail a consumer has been asked for that it has not handed out yet.

    Mail does not say which request it answers, and the server serves several in turn, so all that were made are one
    here. As long as mail comes slowly it is for one piece. Where it comes quickly it grows twofold each time that it is
    used up, and lasts for a moment only: what the server hands to a holder that is frozen or cut off, and that it does
    not know to be so, waits for its ack wait. `over` is told why the server gives it up early; None: it should have,
    and has said nothing.
    """

    def __init__(self, uplink: Uplink, inbox: ReplyInbox, subject: str, over: Callable[[PullEnd | None], None]) -> None:
        self._uplink = uplink
        self._inbox = inbox
        self._subject = subject
        self._over = over
        self._key = ""
        self._timer: asyncio.TimerHandle | None = None
        self._outstanding = 0
        self._ahead = 1
        self._asked = float("-inf")

    async def top_up(self, room: int, max_bytes: int, seconds: float) -> None:
        """Asks for more, once half is used up: of at most so many bytes, for at most so long. Raises NatsError.

        In all no more is asked for than there is room for.
        """
        if 2 * self._outstanding >= min(room, self._ahead):
            return
        now = asyncio.get_running_loop().time()
        self._ahead = min(2 * self._ahead, _MOST_AHEAD) if now < self._asked + _QUICKLY_SECONDS else 1
        self._asked = now
        lasting = seconds if self._ahead == 1 else _QUICKLY_SECONDS
        try:
            await self._ask(max(1, min(room, self._ahead) - self._outstanding), max_bytes, lasting)
        except NatsError:
            self.forget()
            raise

    async def _ask(self, count: int, max_bytes: int, seconds: float) -> None:
        if not self._key:
            self._key = self._inbox.expect(self._ended)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds + _SLACK_SECONDS, self._worn)
        self._outstanding += count
        question = pull_as_it_comes(count, max_bytes, seconds)
        await self._uplink.client.publish(self._subject, question, self._inbox.address(self._key))

    def arrived(self) -> None:
        """Notes that a piece of mail was handed out."""
        self._outstanding = max(0, self._outstanding - 1)

    def forget(self) -> None:
        """Expects nothing of what was asked so far."""
        self._outstanding = 0
        self._ahead = 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._key:
            self._inbox.forget(self._key)
            self._key = ""

    def _ended(self, answer: Msg, _part: int) -> None:
        end, missing = pull_end(answer), still_wanted(answer)
        self._outstanding = max(0, self._outstanding - missing)
        if end is PullEnd.EMPTY and self._ahead > 1:
            self._ahead, end = 1, PullEnd.MORE
        if missing or end is not PullEnd.MORE:
            self._over(end)

    def _worn(self) -> None:
        self.forget()
        self._over(None)
