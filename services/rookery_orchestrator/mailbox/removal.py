"""Removing settled mail from the stream, behind the back of its receiver and as much at a time as can be."""

import asyncio
import heapq
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import compress, takewhile

import structlog
from nats.errors import Error as NatsError
from nats.js.api import ConsumerInfo
from rookery_kit.bus.subjects import mail_subject

from rookery_orchestrator.mailbox.broker import Handle
from rookery_orchestrator.mailbox.consumers import STREAM
from rookery_orchestrator.mailbox.erasing import Eraser
from rookery_orchestrator.mailbox.model import Priority
from rookery_orchestrator.mailbox.uplink import Uplink

_PURGE_SUBJECT = f"$JS.API.STREAM.PURGE.{STREAM}"
_GATHERING_SECONDS = 0.1
_ANSWER_SECONDS = 5.0
_MANY = 64
# Fewer are better removed one by one. A purge costs the server as much as some acknowledgements, and as many more as it
# has consumers to tell: with 1,000 of them 7 ms, where an acknowledgement takes 0.3 ms.
_WORTH_A_PURGE = 4
_CONSUMERS_AN_ACK = 35
_log = structlog.get_logger(__name__)


class Lane:
    """What this mailbox knows of its mail of one priority, in terms of places in the stream.

    `clear`: everything up to `delivered_to` was delivered here or is settled. It holds as long as the consumer's own
    count of deliveries shows no gap: a gap means that another stream was given mail, which may be unsettled there.
    """

    def __init__(self) -> None:
        self.clear = False
        self.delivered_to = 0
        self._created: datetime | None = None
        self._next_delivery = 0
        self._out: set[int] = set()
        self._returned: set[int] = set()
        self._lowest: list[int] = []
        self.settled: dict[int, tuple[str, float]] = {}

    def begin(self, info: ConsumerInfo) -> None:
        """Takes over a consumer as it stands. With the one that it had, nothing begins anew: the count goes on."""
        if self.clear and info.created == self._created:
            return
        self._created = info.created
        delivered = info.delivered
        self.clear = not info.num_ack_pending
        self._next_delivery = (delivered.consumer_seq if delivered else 0) + 1
        self.delivered_to = (delivered.stream_seq if delivered else 0) or 0

    def pulled(self, handles: Iterable[Handle]) -> None:
        """Notes what was delivered here."""
        for handle in sorted(handles, key=_delivery):
            if handle.delivery != self._next_delivery:
                self.clear = False
            self._next_delivery = handle.delivery + 1
            self.delivered_to = max(self.delivered_to, handle.sequence)
            self.settled.pop(handle.sequence, None)
            self._returned.discard(handle.sequence)
            if handle.sequence not in self._out:
                self._out.add(handle.sequence)
                heapq.heappush(self._lowest, handle.sequence)

    def settle(self, handle: Handle, now: float) -> None:
        """Notes that mail can go."""
        self.gone(handle)
        self.settled[handle.sequence] = (handle.token, now)

    def gone(self, handle: Handle) -> None:
        """Notes that mail is in the stream no more."""
        self._out.discard(handle.sequence)
        self._returned.discard(handle.sequence)

    def returned(self, handle: Handle) -> None:
        """Notes that mail was given back, to be delivered again."""
        self._returned.add(handle.sequence)

    @property
    def may_purge(self) -> bool:
        """Whether everything below `removable_below` can be purged.

        A purge makes the server forget what it was about to deliver again at once, until its time for that is over.
        """
        return self.clear and not self._returned

    def removable_below(self) -> int:
        """All mail below this place can go."""
        while self._lowest and self._lowest[0] not in self._out:
            heapq.heappop(self._lowest)
        return min(self._lowest[0], self.delivered_to + 1) if self._lowest else self.delivered_to + 1

    def is_due(self, since: float) -> bool:
        """Whether much is settled, or something since so long."""
        return len(self.settled) >= _MANY or bool(self.settled_before(since))

    def settled_before(self, since: float) -> dict[int, str]:
        """Places and tokens of what is settled since so long."""
        # They are in the order in which they were settled.
        return {
            place: token
            for place, (token, settled) in takewhile(lambda item: item[1][1] <= since, self.settled.items())
        }

    @property
    def idle(self) -> bool:
        """Whether nothing is out and nothing is left to remove."""
        return not self._out and not self.settled


class Removal:
    """Removes what is settled.

    Everything before the oldest unsettled mail goes in one request, which the server carries out some hundred times
    faster than as many acknowledgements, as soon as it is much or has waited for half of `patience` (in seconds). What
    has waited for all of it is acknowledged one by one, or erased where there are many consumers. `purges` bounds how
    many requests this replica makes at a time.
    Nothing waits for it and nothing depends on it: mail that is not removed, as when this process dies, is delivered
    to a replica that finds it settled.
    """

    def __init__(
        self,
        uplink: Uplink,
        eraser: Eraser,
        purges: asyncio.Semaphore,
        tenant: str,
        agent_id: str,
        patience: float,
    ) -> None:
        self._uplink = uplink
        self._eraser = eraser
        self._purges = purges
        self._subjects = {priority: mail_subject(tenant, agent_id, priority.value) for priority in Priority}
        self._patience = patience
        self._lanes = {priority: Lane() for priority in Priority}
        self._running: asyncio.Task[None] | None = None
        self._many = asyncio.Event()

    def begin(self, priority: Priority, info: ConsumerInfo) -> None:
        """Takes over a consumer as it stands."""
        self._lanes[priority].begin(info)

    def wants_look(self, priority: Priority) -> bool:
        """Whether `begin` would help: something of this priority may be unsettled elsewhere, and nothing is here."""
        lane = self._lanes[priority]
        return not lane.clear and lane.idle

    def pulled(self, priority: Priority, handles: Iterable[Handle]) -> None:
        """Notes what was delivered here."""
        self._lanes[priority].pulled(handles)

    def settled(self, handles: Iterable[Handle]) -> None:
        """Has mail removed soon."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for handle in handles:
            lane = self._lanes[handle.priority]
            lane.settle(handle, now)
            if len(lane.settled) == _MANY:
                self._many.set()
        if self._running is None:
            self._running = loop.create_task(self._run())

    def returned(self, handle: Handle) -> None:
        """Notes that mail was given back, to be delivered again."""
        self._lanes[handle.priority].returned(handle)

    def gone(self, handle: Handle) -> None:
        """Notes that mail has been removed otherwise."""
        self._lanes[handle.priority].gone(handle)

    def renewed(self) -> None:
        """The server may be another, on which a place is that of other mail: what is not removed comes again."""
        for lane in self._lanes.values():
            lane.settled.clear()

    async def close(self) -> None:
        """Removes what can be removed at once."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None
        await self._remove(patience=0.0)

    async def _run(self) -> None:
        try:
            while any(lane.settled for lane in self._lanes.values()):
                await self._until_due()
                if self._uplink.client.is_connected:
                    await self._remove(self._patience)
        finally:
            self._running = None

    async def _until_due(self) -> None:
        """Waits for much to remove, and then for a little more, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience / 2):
                await self._many.wait()
                self._many.clear()
                await asyncio.sleep(_GATHERING_SECONDS)

    async def _remove(self, patience: float) -> None:
        for priority, lane in self._lanes.items():
            now = asyncio.get_running_loop().time()
            try:
                if lane.may_purge and lane.is_due(now - patience / 2):
                    await self._purge(priority, lane)
                await self._remove_each(lane, lane.settled_before(now - patience if lane.may_purge else now))
            except (NatsError, OSError, TimeoutError) as error:
                _log.info("settled mail is removed later", error=type(error).__name__, waiting=len(lane.settled))

    async def _remove_each(self, lane: Lane, overdue: Mapping[int, str]) -> None:
        if overdue and self._eraser.is_cheaper:
            erased = await self._eraser.erase(tuple(overdue))
            for place in compress(overdue, erased):
                lane.settled.pop(place, None)
            return
        for place, token in overdue.items():
            await self._uplink.client.publish(token, b"")
            lane.settled.pop(place, None)

    async def _purge(self, priority: Priority, lane: Lane) -> None:
        async with self._purges:
            # Only what is so at this moment counts, not what was before the wait.
            below = lane.removable_below()
            covered = [place for place in lane.settled if place < below]
            worth = _WORTH_A_PURGE + self._eraser.consumers // _CONSUMERS_AN_ACK
            if len(covered) < worth or not lane.may_purge:
                return
            order = json.dumps({"filter": self._subjects[priority], "seq": below}).encode()
            answer = await self._uplink.client.request(_PURGE_SUBJECT, order, timeout=_ANSWER_SECONDS)
        if "error" not in json.loads(answer.data):
            for place in covered:
                lane.settled.pop(place, None)


def _delivery(handle: Handle) -> int:
    return handle.delivery
