"""Where messages are handed in."""

import asyncio
from collections.abc import Awaitable, Sequence

from rookery_kit.errors import RookeryError

from rookery_orchestrator.mailbox.broker import MailBroker, Posted
from rookery_orchestrator.mailbox.delayed import Delayed, DelayedMail
from rookery_orchestrator.mailbox.model import Message


class Mailroom:
    """Hands messages to the broker, or keeps them for later."""

    def __init__(self, broker: MailBroker, delayed: DelayedMail) -> None:
        self._broker = broker
        self._delayed = delayed

    async def put(self, tenant: str, message: Message) -> bool:
        """As `MailBroker.put`; what has a deliver_time is kept until then."""
        if message.deliver_time is None:
            return await self._broker.put(tenant, message)
        result = (await self._delayed.put_all([Delayed(tenant, message)]))[0]
        if isinstance(result, RookeryError):
            raise result
        return result

    def put_all(self, tenant: str, messages: Sequence[Message]) -> Awaitable[Sequence[Posted]]:
        """As `MailBroker.put_all`; what has a deliver_time is kept until then."""
        if all(message.deliver_time is None for message in messages):
            return self._broker.put_all(tenant, messages)
        now = [message for message in messages if message.deliver_time is None]
        later = [Delayed(tenant, message) for message in messages if message.deliver_time is not None]
        posting = self._broker.put_all(tenant, now) if now else None
        return _join(messages, posting, self._delayed.put_all(later), len(later))


async def _join(
    messages: Sequence[Message],
    posting: Awaitable[Sequence[Posted]] | None,
    keeping: "asyncio.Future[Sequence[Posted]]",
    later: int,
) -> Sequence[Posted]:
    posted = iter(await posting if posting is not None else ())
    kept = iter(await _each_or_error(keeping, later))
    return [next(posted if message.deliver_time is None else kept) for message in messages]


async def _each_or_error(keeping: "asyncio.Future[Sequence[Posted]]", count: int) -> Sequence[Posted]:
    try:
        return await keeping
    except RookeryError as error:
        return [error] * count
