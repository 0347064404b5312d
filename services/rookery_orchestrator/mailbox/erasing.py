"""Removing messages by their place in the stream of mail, where acknowledging them is dear."""

import asyncio
import json
from collections.abc import Sequence

import structlog
from nats.errors import Error as NatsError
from rookery_kit.bus import Bus, BusUnavailable
from rookery_kit.bus.bulk_client import Question
from rookery_kit.group_commit import GroupCommit

from rookery_orchestrator.mailbox.consumers import STREAM, bus_errors

_DELETE_SUBJECT = f"$JS.API.STREAM.MSG.DELETE.{STREAM}"
_ANSWER_SECONDS = 5.0
# What else is asked of the server waits behind these.
_AT_A_TIME = 32
_LOOK_SECONDS = 10.0
# So many make an acknowledgement as dear as erasing the message.
_MANY_CONSUMERS = 1_000
_log = structlog.get_logger(__name__)


class Eraser:
    """Removes messages for all of this replica, some of them at a time. `consumers` is how many the stream has.

    An acknowledgement makes nats-server 2.15.1 ask every consumer of the stream whether it still needs the message: 0.3
    ms with 1,000 of them, 1.4 ms with 4,000, and nothing is stored meanwhile. A message that is deleted by its place is
    taken from its consumer as if it had been acknowledged, in 0.25 ms whatever there is.

    Places are those of the stream that this connection knows: what was noted before another one must not be erased.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.consumers = 0
        self._erasing: GroupCommit[int, bool] = GroupCommit(self._erase, _AT_A_TIME)

    @property
    def is_cheaper(self) -> bool:
        """Whether messages are better erased than acknowledged."""
        return self.consumers >= _MANY_CONSUMERS

    def expect(self, consumers: int) -> None:
        """Notes that there are at least so many, which the next look may not have shown yet."""
        self.consumers = max(self.consumers, consumers)

    async def erase(self, places: Sequence[int]) -> Sequence[bool]:
        """Of each place, whether the server has answered. What it could not delete, it delivers again."""
        return await self._erasing.submit_all(places)

    async def run(self) -> None:
        """Looks how many consumers there are, until cancelled."""
        while True:
            try:
                with bus_errors():
                    self.consumers = (await self._bus.jetstream.stream_info(STREAM)).state.consumer_count
            except BusUnavailable as error:
                _log.debug("nobody knows how many consumers there are", error=error.message)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _erase(self, places: Sequence[int]) -> Sequence[bool]:
        client = self._bus.client
        if not client.is_connected:
            return [False] * len(places)
        orders = [json.dumps({"seq": place, "no_erase": True}).encode() for place in places]
        try:
            answers = await client.ask_all([Question(_DELETE_SUBJECT, {}, order) for order in orders], _ANSWER_SECONDS)
        except (NatsError, OSError):
            return [False] * len(places)
        return [answer is not None for answer in answers]
