"""Settling what an agent says of its deliveries."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
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

    An agent hears of its settlements in the order in which it sent them, once the broker has confirmed them.
    """

    def __init__(
        self, mailbox: OpenedMailbox, policy: DeliveryPolicy, in_flight: InFlight, frames: FrameQueue
    ) -> None:
        self._mailbox = mailbox
        self._policy = policy
        self._in_flight = in_flight
        self._frames = frames
        self._waiting: deque[Settlement | Burial] = deque()
        self._some = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def submit(self, settlements: Iterable[Settlement]) -> None:
        """Takes settlements; waits while too many are waiting already."""
        while len(self._waiting) >= _BOUND:
            await self._idle.wait()
        self._add(settlements)

    async def bury(self, burial: Burial) -> None:
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
