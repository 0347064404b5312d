"""Carrying out what is to become of mail, so that it is certain."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from rookery_kit.bus import BusUnavailable

from rookery_orchestrator.mailbox.broker import Handle, Settling, Verdict
from rookery_orchestrator.mailbox.consumers import Consumers
from rookery_orchestrator.mailbox.reply_inbox import ReplyInbox
from rookery_orchestrator.mailbox.uplink import Uplink

_ANSWER_SECONDS = 5.0
_RETRY_SECONDS = 0.2
_EXTEND = b"+WPI"
_RETURN = b"-NAK"
_GIVE_UP = b"+TERM"
_log = structlog.get_logger(__name__)


class Verdicts:
    """Tells the broker, again and again until it confirms; repeating a verdict changes nothing.

    Acknowledgements are none of them: what was acknowledged is remembered, and removed by the way.
    """

    def __init__(self, uplink: Uplink, consumers: Consumers, inbox: ReplyInbox) -> None:
        self._uplink = uplink
        self._consumers = consumers
        self._inbox = inbox

    async def settle(self, verdicts: Sequence[Verdict]) -> list[bool]:
        """Answers once all is certain. False: the consumer that handed it out is gone, and another will again."""
        outcomes: dict[int, bool] = {}
        while True:
            open_ = [index for index in range(len(verdicts)) if index not in outcomes]
            if not open_:
                return [outcomes[index] for index in range(len(verdicts))]
            await self._uplink.up()
            refused = await self._tell(verdicts, open_, outcomes)
            for index in refused:
                if await self._is_gone(verdicts[index].handle):
                    outcomes[index] = False
            if len(outcomes) < len(verdicts):
                # Also a confirmation may have been lost with the connection.
                await asyncio.sleep(_RETRY_SECONDS)

    async def extend(self, handles: Iterable[Handle]) -> None:
        """Tells it once, without asking for a confirmation."""
        await self._once(handles, _EXTEND)

    async def give_back(self, handles: Iterable[Handle]) -> None:
        """Tells it once, without asking for a confirmation."""
        await self._once(handles, _RETURN)

    async def _once(self, handles: Iterable[Handle], what: bytes) -> None:
        if not self._uplink.client.is_connected:
            return
        with suppress(NatsError):
            for handle in handles:
                await self._uplink.client.publish(handle.token, what)

    async def _tell(self, verdicts: Sequence[Verdict], open_: list[int], outcomes: dict[int, bool]) -> list[int]:
        """Tells those that are open, notes who confirmed, and answers for which of them nobody was there to hear."""
        confirmations = _Confirmations(len(open_))
        key = self._inbox.expect(confirmations.take)
        # After a reconnection nothing more will be answered: better tell again at once.
        self._uplink.listen(confirmations.over.set)
        try:
            for index in open_:
                verdict = verdicts[index]
                reply = self._inbox.address(key, index)
                await self._uplink.client.publish(verdict.handle.token, _words(verdict), reply)
            async with asyncio.timeout(_ANSWER_SECONDS):
                await confirmations.over.wait()
        except (NatsError, TimeoutError) as error:
            _log.warning("settlements wait", error=type(error).__name__, unconfirmed=confirmations.missing)
        finally:
            self._uplink.leave(confirmations.over.set)
            self._inbox.forget(key)
        outcomes.update(dict.fromkeys(confirmations.confirmed, True))
        return confirmations.unheard

    async def _is_gone(self, handle: Handle) -> bool:
        """Whether the consumer of a handle is gone, rather than its server not ready yet."""
        try:
            return await self._consumers.find(handle.priority) is None
        except BusUnavailable:
            return False


class _Confirmations:
    """What the server answered to each verdict: nothing but an empty message, or that nobody listens."""

    def __init__(self, count: int) -> None:
        self.missing = count
        self.confirmed: list[int] = []
        self.unheard: list[int] = []
        self.over = asyncio.Event()

    def take(self, answer: Msg, index: int) -> None:
        (self.unheard if answer.headers else self.confirmed).append(index)
        self.missing -= 1
        if self.missing == 0:
            self.over.set()


def _words(verdict: Verdict) -> bytes:
    if verdict.settling is Settling.EXTEND:
        return _EXTEND
    if verdict.settling is Settling.GIVE_UP:
        return _GIVE_UP
    if verdict.delay <= 0:
        return _RETURN
    return _RETURN + b" " + json.dumps({"delay": int(verdict.delay * 1e9)}).encode()
