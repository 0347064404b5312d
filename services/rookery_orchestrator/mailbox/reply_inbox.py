"""Where the broker's answers to one mailbox arrive."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from rookery_kit.bus.bulk_client import BulkClient

Answered = Callable[[Msg, int], None]


class ReplyInbox:
    """One subscription that hands mail to the mailbox and each other answer to whoever asked.

    Mail comes under its own subject, so it does not say which request it answers; everything else does.
    """

    def __init__(self, client: BulkClient, mail_arrived: Callable[[Msg], None]) -> None:
        self._client = client
        self._prefix = client.new_inbox()
        self._mail_arrived = mail_arrived
        self._expected: dict[str, Answered] = {}
        self._numbers = itertools.count(1)
        self._subscription: Subscription | None = None

    async def open(self) -> Self:
        """Subscribes. The connection does so again whenever it comes back."""
        self._subscription = await self._client.hear(f"{self._prefix}.*.*", self._take)
        return self

    async def close(self, patience: float) -> None:
        """Takes no more answers. Waits up to `patience` seconds for what the server sent before it knew."""
        self._expected.clear()
        if self._subscription is not None:
            with suppress(NatsError, TimeoutError):
                async with asyncio.timeout(patience):
                    await self._subscription.drain()  # type: ignore[no-untyped-call]

    def expect(self, answered: Answered) -> str:
        """A new key; what is sent to its addresses goes to `answered`, with the part, until `forget`."""
        key = str(next(self._numbers))
        self._expected[key] = answered
        return key

    def forget(self, key: str) -> None:
        """Expects nothing more under a key."""
        self._expected.pop(key, None)

    def address(self, key: str, part: int = 0) -> str:
        """The subject that is to be given as the reply."""
        return f"{self._prefix}.{key}.{part}"

    def _take(self, answer: Msg) -> None:
        if not answer.subject.startswith(self._prefix):
            self._mail_arrived(answer)
            return
        key, _, part = answer.subject[len(self._prefix) + 1 :].partition(".")
        if (answered := self._expected.get(key)) is not None:
            answered(answer, int(part))
