"""The link over which an agent keeps its lease, tells how it fares and hears what it is to do."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from rookery.registry.v1 import agent_service_pb2

from rookery_sdk.frames import Outbound
from rookery_sdk.health import HealthMeter
from rookery_sdk.stop import Stop

_DEFAULT_SECONDS = 5.0
_LEAVING_SECONDS = 3.0
_log = logging.getLogger("rookery_sdk")


class Heartbeat:
    """Beats as often as the registry asks for.

    `drain` is called with whether the agent is to take no more work, whenever that changes; `refresh` registers anew.
    """

    def __init__(
        self,
        meter: HealthMeter,
        *,
        drain: Callable[[bool], None],
        refresh: Callable[[int], Awaitable[None]],
    ) -> None:
        self._meter = meter
        self._drain = drain
        self._refresh = refresh
        self._epoch = 0
        self._interval = _DEFAULT_SECONDS
        self._draining = False
        self._stale = False
        # Set: the interval is another, or the agent is to register again.
        self._news = asyncio.Event()
        self._leaving = False
        self._left = asyncio.Event()
        self._outbound: Outbound[agent_service_pb2.HeartbeatRequest] | None = None

    def opening(self, session_epoch: int) -> agent_service_pb2.HeartbeatRequest:
        """The first beat of a stream."""
        self._epoch = session_epoch
        return self._beat()

    def attach(
        self,
        outbound: Outbound[agent_service_pb2.HeartbeatRequest],
        first: agent_service_pb2.HeartbeatResponse,
    ) -> None:
        """The first beat is stored. An agent that drains and is not told so here goes on."""
        self._outbound = outbound
        self._steer(agent_service_pb2.AGENT_INSTRUCTION_DRAIN in first.instructions)
        self.take(first)

    def detach(self) -> None:
        """The lease runs on; the next stream follows."""
        self._outbound = None

    def take(self, frame: agent_service_pb2.HeartbeatResponse) -> None:
        """The lease, and what to do; no lease is the answer to giving it back."""
        if not frame.lease_remaining.ToNanoseconds():
            self._left.set()
        if frame.HasField("beat_interval"):
            interval = frame.beat_interval.ToNanoseconds() / 1e9
            if interval != self._interval:
                self._interval = interval
                self._news.set()
        self._obey(frame.instructions)

    async def beat(self) -> None:
        """Beats for as long as it runs; registers anew where that is asked for."""
        while True:
            try:
                async with asyncio.timeout(self._interval):
                    await self._news.wait()
            except TimeoutError:
                if self._outbound is not None and not self._leaving:
                    self._outbound.send(self._beat())
                continue
            self._news.clear()
            if self._stale:
                self._stale = False
                await self._refresh(self._epoch)

    async def leave(self) -> bool:
        """Gives the lease back, behind every beat that was sent; False: there is no stream, or no answer in time."""
        self._leaving = True
        if self._outbound is None:
            return False
        request = agent_service_pb2.HeartbeatRequest(session_epoch=self._epoch, going_offline=True)
        self._outbound.send(request)
        return await Stop().spare(self._left, _LEAVING_SECONDS)

    def _beat(self) -> agent_service_pb2.HeartbeatRequest:
        return agent_service_pb2.HeartbeatRequest(session_epoch=self._epoch, metrics=self._meter.metrics())

    def _obey(self, instructions: "Iterable[agent_service_pb2.AgentInstruction]") -> None:
        for instruction in instructions:
            if instruction == agent_service_pb2.AGENT_INSTRUCTION_DRAIN:
                self._steer(draining=True)
            elif instruction == agent_service_pb2.AGENT_INSTRUCTION_RESUME:
                self._steer(draining=False)
            elif instruction == agent_service_pb2.AGENT_INSTRUCTION_REFRESH_CARD:
                _log.info("told to register again")
                self._stale = True
                self._news.set()

    def _steer(self, draining: bool) -> None:  # noqa: FBT001 -- the state itself
        if draining != self._draining:
            self._draining = draining
            _log.info("told to drain: taking nothing more" if draining else "told to resume: taking work again")
            self._drain(draining)
