"""Settling what an agent says of its deliveries."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rookery_orchestrator.mailbox.broker import Handle, OpenedMailbox, Settling, Verdict
from rookery_orchestrator.mailbox.frame_queue import FrameQueue
from rookery_orchestrator.mailbox.frames import Settled
from rookery_orchestrator.mailbox.in_flight import InFlight
from rookery_orchestrator.mailbox.model import Action, DeadReason, Settlement
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

_BOUND = 4096


@dataclass(frozen=True, slots=True)
class Burial:
    """Mail that goes to the dead letters after so many attempts."""

    handle: Handle
    reason: DeadReason
    detail: str
    attempts: int


class Settler:
    """Settles in groups: what comes in while one group is being settled makes the next.

    An agent hears of its settlements in the order in which it sent them, once the broker has confirmed them. What is
    being settled is not in flight any more, of which `room_made` tells.
    """

    def __init__(
        self,
        mailbox: OpenedMailbox,
        policy: DeliveryPolicy,
        in_flight: InFlight,
        frames: FrameQueue,
        *,
        room_made: Callable[[], None],
    ) -> None:
        self._mailbox = mailbox
        self._policy = policy
        self._in_flight = in_flight
        self._frames = frames
        self._room_made = room_made
        self._waiting: deque[Settlement | Burial] = deque()
        self._some = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def submit(self, settlements: Iterable[Settlement]) -> None:
        """Takes settlements; waits while too many are waiting already."""
        while len(self._waiting) >= _BOUND:
            await self._idle.wait()
        self._add(settlements)

    def bury(self, burial: Burial) -> None:
        """Takes a burial, of which the agent hears nothing."""
        self._add((burial,))

    async def drain(self) -> None:
        """Waits until all that was taken is settled and told."""
        await self._idle.wait()

    async def run(self) -> None:
        """Settles until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            group = tuple(self._waiting)
            self._waiting.clear()
            await self._settle_group(group)
            if not self._waiting:
                self._idle.set()

    def _add(self, items: Iterable[Settlement | Burial]) -> None:
        self._waiting.extend(items)
        self._idle.clear()
        self._some.set()

    async def _settle_group(self, group: Iterable[Settlement | Burial]) -> None:
        verdicts: list[Verdict] = []
        burials: list[Burial] = []
        known: dict[Handle, int] = {}
        unknown: list[int] = []
        for item in group:
            if isinstance(item, Burial):
                burials.append(item)
                continue
            decision = self._decide(item)
            if decision is None:
                unknown.append(item.delivery_id)
                continue
            known[decision.handle] = item.delivery_id
            if isinstance(decision, Burial):
                burials.append(decision)
            else:
                verdicts.append(decision)
        self._room_made()
        carried_out = await self._carry_out(verdicts, burials)
        for handle in carried_out:
            self._in_flight.settled(handle)
        settled = tuple(delivery_id for handle, delivery_id in known.items() if carried_out[handle])
        unknown += [delivery_id for handle, delivery_id in known.items() if not carried_out[handle]]
        if settled or unknown:
            await self._frames.put(Settled(settled, tuple(unknown)))

    def _decide(self, settlement: Settlement) -> Verdict | Burial | None:
        """What a settlement comes to; None: its delivery is not in flight."""
        if settlement.action is Action.IN_PROGRESS:
            handle = self._in_flight.find(settlement.delivery_id)
            return None if handle is None else Verdict(handle, Settling.EXTEND)
        handle = self._in_flight.begin_settling(settlement.delivery_id)
        if handle is None:
            return None
        if settlement.action is Action.ACK:
            return Verdict(handle, Settling.REMOVE)
        if settlement.action is Action.TERMINATE:
            return Burial(handle, DeadReason.TERMINATED, settlement.reason, handle.attempt)
        if handle.attempt >= self._policy.max_deliveries:
            return Burial(handle, DeadReason.MAX_DELIVERIES, settlement.reason, handle.attempt)
        delay = self._policy.backoff(handle.attempt) if settlement.delay is None else settlement.delay
        return Verdict(handle, Settling.RETURN, delay)

    async def _carry_out(self, verdicts: list[Verdict], burials: list[Burial]) -> dict[Handle, bool]:
        if not burials:
            outcomes = await self._mailbox.settle(verdicts) if verdicts else []
            return dict(zip((verdict.handle for verdict in verdicts), outcomes, strict=True))
        if verdicts:
            settling, burying = await asyncio.gather(self._carry_out(verdicts, []), self._bury_all(burials))
            return settling | burying
        return await self._bury_all(burials)

    async def _bury_all(self, burials: list[Burial]) -> dict[Handle, bool]:
        outcomes = await asyncio.gather(
            *(self._mailbox.bury(burial.handle, burial.reason, burial.detail, burial.attempts) for burial in burials)
        )
        return dict(zip((burial.handle for burial in burials), outcomes, strict=True))
