"""An agent at work: one open Work stream."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_orchestrator.directory import KnownAgent
from rookery_orchestrator.dispatch.frames import Assigned, Frame, Stopped
from rookery_orchestrator.model import LeaseKey, Task
from rookery_orchestrator.store import Held

_MOST_CREDITS = 10_000


@dataclass(slots=True)
class _HeldLease:
    lease_epoch: int
    duration: float
    extended_at: float


class Worker:
    """What this replica knows of a Work stream: its credits, the leases held on it, the frames to be sent.

    All times are of the clock given, in seconds; they decide only when to ask the database.
    """

    def __init__(self, agent: KnownAgent, chosen: frozenset[str], clock: Clock) -> None:
        self.agent = agent
        self.credits = 0
        self._chosen = chosen
        self._clock = clock
        self._held: dict[str, _HeldLease] = {}
        self._heard_at = clock.monotonic()
        self._frames: asyncio.Queue[Frame | RookeryError | None] = asyncio.Queue()

    @property
    def capabilities(self) -> frozenset[str]:
        """What it takes tasks for: what is registered, narrowed to what it chose, if it did."""
        registered = frozenset(self.agent.capabilities)
        return registered & self._chosen if self._chosen else registered

    @property
    def load(self) -> int:
        """How many leases it holds."""
        return len(self._held)

    @property
    def held(self) -> list[Held]:
        """The leases it holds."""
        return [self._name(task_id, held) for task_id, held in self._held.items()]

    def grant(self, count: int) -> None:
        """Takes credits from the agent."""
        self.credits = min(self.credits + count, _MOST_CREDITS)

    def follow(self, agent: KnownAgent) -> None:
        """Takes over what the registry tells of the agent."""
        self.agent = agent

    def hear(self) -> None:
        """Notes a sign of life."""
        self._heard_at = self._clock.monotonic()

    def hold(self, lease: LeaseKey, duration: timedelta) -> None:
        """Notes that a lease is held, as of now."""
        self._held[lease.task_id] = _HeldLease(lease.lease_epoch, duration.total_seconds(), self._clock.monotonic())

    def assign(self, task: Task) -> None:
        """Hands over a task that has been leased to this agent; uses up a credit."""
        self.credits -= 1
        self.hold(task.lease, task.lease_duration)
        self.send(Assigned(task))

    def due_for_extension(self) -> list[Held]:
        """The leases of which a third has passed, as long as the agent has been heard since they were last extended."""
        now = self._clock.monotonic()
        return [
            self._name(task_id, held)
            for task_id, held in self._held.items()
            if now - held.extended_at >= held.duration / 3 and self._heard_at > held.extended_at
        ]

    def let_go(self, lease: LeaseKey) -> None:
        """Forgets a lease that a report has ended."""
        held = self._held.get(lease.task_id)
        if held is not None and held.lease_epoch == lease.lease_epoch:
            del self._held[lease.task_id]

    def stop(self, lease: LeaseKey, reason: str) -> None:
        """Tells the agent, once, that a lease is not its own any more."""
        held = self._held.get(lease.task_id)
        if held is not None and held.lease_epoch == lease.lease_epoch:
            del self._held[lease.task_id]
            self.send(Stopped(lease, reason))

    def epoch_of(self, task_id: str) -> int | None:
        """The epoch under which a task is held; None: it is not."""
        held = self._held.get(task_id)
        return held.lease_epoch if held else None

    def send(self, frame: Frame) -> None:
        """Queues a frame. Bounded by the credits, since every frame answers a credit or a frame."""
        self._frames.put_nowait(frame)

    def end(self, error: RookeryError | None = None) -> None:
        """Ends the stream after the frames queued so far, with an error or in good order."""
        self._frames.put_nowait(error)

    async def frames(self) -> AsyncIterator[Frame]:
        """The frames to be sent, until the end. Raises the error with which the stream was ended."""
        while True:
            frame = await self._frames.get()
            if frame is None:
                return
            if isinstance(frame, RookeryError):
                raise frame
            yield frame

    def _name(self, task_id: str, held: _HeldLease) -> Held:
        return Held(LeaseKey(task_id, held.lease_epoch), self.agent.id)
