"""Killing parts of the suite while work is in flight, and measuring how long it takes them to come back."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from demo.agents.capabilities import SUMMARY
from demo.failure import DemoFailed
from demo.mail.record import entries
from demo.run.job import Job
from demo.stage.fleet import Fleet
from demo.stage.suite import LocalSuite, Part

READER = "reader"
NATS = "nats"
_TARGETS = ("tool_executor", "orchestrator", READER, NATS)
# How much of the work is done when each of them is killed.
_POINTS = (0.05, 0.25, 0.45, 0.65)
_WITHIN_SECONDS = 120.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was killed, how many tasks were leased then, and after how many seconds it served and work went on.

    `sign` is what showed that work goes on.
    """

    target: str
    in_flight: int
    serving_after: float
    working_after: float
    sign: str = "next task completed"

    def told(self) -> str:
        """How long it took, in words."""
        return f"serving after {self.serving_after:.1f} s, {self.sign} after {self.working_after:.1f} s"


def order(seed: int | None) -> tuple[str, ...]:
    """What is killed, in which order: the usual one, or one drawn from a seed."""
    targets = list(_TARGETS)
    if seed is not None:
        random.Random(seed).shuffle(targets)  # noqa: S311 -- a repeatable order, not a secret
    return tuple(targets)


class Kills:
    """Kills one part after another, each when some of the work is done, and waits until it is back."""

    def __init__(self, suite: LocalSuite, fleet: Fleet, job: Job, say: Callable[[str], None]) -> None:
        self._suite = suite
        self._fleet = fleet
        self._job = job
        self._say = say

    async def run(self, targets: tuple[str, ...], before: Callable[[], None]) -> list[Recovery]:
        """Kills the targets in their order; `before` is called ahead of each. Raises DemoFailed."""
        recoveries = []
        for target, point in zip(targets, _POINTS, strict=True):
            await self._job.until_done(point, _WITHIN_SECONDS)
            await asyncio.to_thread(before)
            recovery = await (self._kill_reader() if target == READER else self._kill_part(target))
            recoveries.append(recovery)
            self._say(f"{recovery.target} is back: {recovery.told()}")
        return recoveries

    async def _kill_part(self, name: str) -> Recovery:
        part = self._suite.part(name)
        if part.pid is None:
            raise DemoFailed(f"{name} was to be killed and had no process")
        in_flight = await self._work_in_flight(name)
        killed_at = time.time()
        os.kill(part.pid, signal.SIGKILL)
        self._say(f"killed {name} (pid {part.pid}) with {in_flight} tasks in flight")
        await self._until_serving(part)
        served_at = time.time()
        if name == NATS:
            worked_at = await self._first_message_after(served_at)
            return Recovery(name, in_flight, served_at - killed_at, worked_at - killed_at, "next message accepted")
        worked_at = await self._job.first_completion_after(served_at, _WITHIN_SECONDS)
        return Recovery(name, in_flight, served_at - killed_at, worked_at - killed_at)

    async def _first_message_after(self, moment: float) -> float:
        give_up = time.monotonic() + _WITHIN_SECONDS
        while time.monotonic() < give_up:
            letters = chain.from_iterable(entries(self._fleet.mail_record(name)) for name in self._fleet.names)
            if later := [each.at for each in letters if each.event == "acknowledged" and each.at > moment]:
                return min(later)
            await asyncio.sleep(_POLL_SECONDS)
        raise DemoFailed(f"no message was accepted within {_WITHIN_SECONDS:.0f} s after {NATS} had come back")

    async def _kill_reader(self) -> Recovery:
        await self._work_in_flight(READER)
        held: dict[str, int] = {}
        for task in self._job.in_flight:
            if task.capability == SUMMARY:
                held[task.agent_id] = held.get(task.agent_id, 0) + 1
        agent_id = max(held, key=lambda each: held[each])
        name = next(name for name, known in self._fleet.ids.items() if known == agent_id)
        epoch = (await self._fleet.look_up(name)).session_epoch
        killed_at = time.time()
        self._fleet.kill(name)
        self._say(f"killed the agent {name} with {held[agent_id]} tasks in flight")
        await self._fleet.wait_ended(name)
        self._fleet.start(name)
        await self._fleet.until_online([name], above_epoch=epoch)
        served_at = time.time()
        if self._fleet.ids[name] != agent_id:
            raise DemoFailed(f"{name} came back as another agent")
        worked_at = await self._job.first_completion_after(served_at, _WITHIN_SECONDS, agent_id)
        return Recovery(f"agent {name}", held[agent_id], served_at - killed_at, worked_at - killed_at)

    async def _work_in_flight(self, name: str) -> int:
        """Waits for a moment in which agents hold leases (of the reader's kind, for a reader) and counts them."""

        def busy() -> int:
            return sum(name != READER or task.capability == SUMMARY for task in self._job.in_flight)

        await self._job.until(lambda: busy() or self._job.fraction == 1.0, "work in flight", _WITHIN_SECONDS)
        if not busy():
            raise DemoFailed(f"{name} was to be killed while work is in flight, and there was none")
        return busy()

    async def _until_serving(self, before: Part) -> None:
        give_up = time.monotonic() + _WITHIN_SECONDS
        while True:
            part = self._suite.part(before.name)
            back = part.serving and part.restarts > before.restarts and part.pid != before.pid
            if back and (part.name == NATS or await _is_healthy(part.port)):
                return
            if time.monotonic() > give_up:
                raise DemoFailed(f"{before.name} was killed and did not come back within {_WITHIN_SECONDS:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)


async def _is_healthy(port: int | None) -> bool:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=2.0)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
