"""Removing messages by their place in the stream of mail, where acknowledging them is dear."""

import asyncio
import json
from collections.abc import Awaitable, Sequence
from contextlib import suppress

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
_Place = tuple[int, int]
"""A place in the stream, and on the so many'th connection it was noted."""
_log = structlog.get_logger(__name__)


class Eraser:
    """Removes messages for all of this replica, some of them at a time. `consumers` is how many the stream has.

    An acknowledgement makes nats-server 2.15.1 ask every consumer of the stream whether it still needs the message: 0.3
    ms with 1,000 of them, 1.4 ms with 4,000, and nothing is stored meanwhile. A message that is deleted by its place is
    taken from its consumer as if it had been acknowledged, in 0.25 ms whatever there is.

    Places are those of the stream that this connection knows. Behind another one it may be a new stream, where they are
    those of other messages: what was handed in before is not erased then.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.consumers = 0
        self._connection = 0
        self._erasing: GroupCommit[_Place, bool] = GroupCommit(self._erase, _AT_A_TIME)
        bus.on_renewed(self._renewed)

    @property
    def is_cheaper(self) -> bool:
        """Whether messages are better erased than acknowledged."""
        return self.consumers >= _MANY_CONSUMERS

    def expect(self, consumers: int) -> None:
        """Notes that there are at least so many, which the next look may not have shown yet."""
        self.consumers = max(self.consumers, consumers)

    def erase(self, places: Sequence[int]) -> Awaitable[Sequence[bool]]:
        """Of each place, whether the server has answered. What it could not delete, it delivers again."""
        return self._erasing.submit_all([(place, self._connection) for place in places])

    async def run(self) -> None:
        """Looks how many consumers there are, until cancelled."""
        while True:
            try:
                with bus_errors():
                    self.consumers = (await self._bus.jetstream.stream_info(STREAM)).state.consumer_count
            except BusUnavailable as error:
                _log.debug("nobody knows how many consumers there are", error=error.message)
            await asyncio.sleep(_LOOK_SECONDS)

    def _renewed(self) -> None:
        self._connection += 1

    async def _erase(self, places: Sequence[_Place]) -> Sequence[bool]:
        erased = dict.fromkeys(places, False)
        here = [place for place in erased if place[1] == self._connection]
        if here and self._bus.client.is_connected:
            orders = [json.dumps({"seq": place, "no_erase": True}).encode() for place, _ in here]
            questions = [Question(_DELETE_SUBJECT, {}, order) for order in orders]
            with suppress(NatsError, OSError):
                answers = await self._bus.client.ask_all(questions, _ANSWER_SECONDS)
                erased |= {place: answer is not None for place, answer in zip(here, answers, strict=True)}
        return [erased[place] for place in places]
