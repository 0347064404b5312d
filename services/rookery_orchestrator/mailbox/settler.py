"""Settling what an agent says of its deliveries."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from rookery_orchestrator.mailbox.broker import Handle, OpenedMailbox, Settling, Verdict
from rookery_orchestrator.mailbox.frame_queue import FrameQueue
from rookery_orchestrator.mailbox.frames import Settled
from rookery_orchestrator.mailbox.in_flight import InFlight
from rookery_orchestrator.mailbox.model import Action, DeadReason, DeliveryOutcome, Failure, Settlement
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

_BOUND = 4096


@dataclass(frozen=True, slots=True)
class Burial:
    """Mail that goes to the dead letters after so many attempts."""

    handle: Handle
    reason: DeadReason
    detail: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Mail of which the agent says that it failed; `delay` as asked for, None for what the schedule says."""

    handle: Handle
    failure: Failure
    delay: float | None


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
        refusals: list[Refusal] = []
        known: list[tuple[int, Handle]] = []
        unknown: list[int] = []
        for item in group:
            if isinstance(item, Burial):
                burials.append(item)
                continue
            decision = self._decide(item)
            if decision is None:
                unknown.append(item.delivery_id)
                continue
            known.append((item.delivery_id, decision.handle))
            if isinstance(decision, Refusal):
                refusals.append(decision)
            else:
                verdicts.append(decision)
        self._room_made()
        carried_out = await self._carry_out(verdicts, burials, refusals)
        self._in_flight.settled(carried_out)
        settled = tuple(delivery_id for delivery_id, handle in known if carried_out[handle.sequence])
        unknown += [delivery_id for delivery_id, handle in known if not carried_out[handle.sequence]]
        if settled or unknown:
            await self._frames.put(Settled(settled, tuple(unknown)))

    def _decide(self, settlement: Settlement) -> Verdict | Refusal | None:
        """What is to be done; None: the delivery is not in flight."""
        if settlement.action is Action.IN_PROGRESS:
            handle = self._in_flight.find(settlement.delivery_id)
            return None if handle is None else Verdict(handle, Settling.EXTEND)
        handle = self._in_flight.begin_settling(settlement.delivery_id)
        if handle is None:
            return None
        if settlement.action is Action.ACK:
            return Verdict(handle, Settling.REMOVE)
        terminated = settlement.action is Action.TERMINATE
        outcome = DeliveryOutcome.TERMINATED if terminated else DeliveryOutcome.REFUSED
        return Refusal(handle, Failure(outcome, settlement.handler, settlement.reason), settlement.delay)

    async def _carry_out(
        self, verdicts: list[Verdict], burials: list[Burial], refusals: list[Refusal]
    ) -> dict[int, bool]:
        """Whether each was carried out, by its place in the stream."""
        if verdicts and not burials and not refusals:
            return await self._settle_all(verdicts)
        works: list[Coroutine[Any, Any, dict[int, bool]]] = []
        if verdicts:
            works.append(self._settle_all(verdicts))
        if burials:
            works.append(self._bury_all(burials))
        if refusals:
            works.append(self._refuse_all(refusals))
        carried_out: dict[int, bool] = {}
        for outcomes in await asyncio.gather(*works):
            carried_out |= outcomes
        return carried_out

    async def _settle_all(self, verdicts: list[Verdict]) -> dict[int, bool]:
        outcomes = await self._mailbox.settle(verdicts)
        return dict(zip((verdict.handle.sequence for verdict in verdicts), outcomes, strict=True))

    async def _refuse_all(self, refusals: list[Refusal]) -> dict[int, bool]:
        """Notes the failures first, so that what comes again or is buried has a history that is true."""
        counts = await asyncio.gather(*(self._mailbox.note(refusal.handle, refusal.failure) for refusal in refusals))
        verdicts: list[Verdict] = []
        burials: list[Burial] = []
        for refusal, failures in zip(refusals, counts, strict=True):
            handle, failure = refusal.handle, refusal.failure
            if failure.outcome is DeliveryOutcome.TERMINATED:
                burials.append(Burial(handle, DeadReason.TERMINATED, failure.reason, handle.attempt))
            elif failures >= self._policy.max_deliveries:
                burials.append(Burial(handle, DeadReason.MAX_DELIVERIES, failure.reason, handle.attempt))
            else:
                delay = self._policy.backoff(failures) if refusal.delay is None else refusal.delay
                verdicts.append(Verdict(handle, Settling.RETURN, delay))
        # What is returned comes again as new, and may do so before the rest of the group is settled.
        self._in_flight.settled(verdict.handle.sequence for verdict in verdicts)
        return await self._carry_out(verdicts, burials, [])

    async def _bury_all(self, burials: list[Burial]) -> dict[int, bool]:
        outcomes = await asyncio.gather(
            *(self._mailbox.bury(burial.handle, burial.reason, burial.detail, burial.attempts) for burial in burials)
        )
        return dict(zip((burial.handle.sequence for burial in burials), outcomes, strict=True))
