"""An agent's registration, and the heartbeats that keep its lease."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar
from uuid import uuid4

from rookery.registry.v1 import agent_pb2, agent_service_pb2

from rookery_sdk.backoff import Backoff
from rookery_sdk.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    PermissionDenied,
    RookeryError,
    SessionSuperseded,
    Unauthenticated,
)

if TYPE_CHECKING:
    from rookery.registry.v1.agent_service_pb2_grpc import AgentServiceAsyncStub

T = TypeVar("T")
_CALL_SECONDS = 5.0
_FINAL = (AlreadyExists, FailedPrecondition, InvalidArgument, PermissionDenied, SessionSuperseded)
_CREDENTIAL_LOST = frozenset({"CREDENTIAL_INVALID", "REFRESH_TOKEN_REUSED"})
_log = logging.getLogger("rookery_sdk")


def is_final(error: RookeryError) -> bool:
    """Whether trying again cannot help an agent; everything else it waits out, however long it takes."""
    if isinstance(error, Unauthenticated):
        return error.reason in _CREDENTIAL_LOST
    return isinstance(error, _FINAL)


class Session:
    """One life of an agent under one session epoch. Of several sessions of the same agent the latest counts."""

    def __init__(self, stub: "AgentServiceAsyncStub", registration: agent_service_pb2.RegisterAgentRequest) -> None:
        self._stub = stub
        self._registration = registration
        self._registering = asyncio.Lock()
        self._renewed = asyncio.Event()
        self._agent = agent_pb2.Agent()

    @property
    def agent(self) -> agent_pb2.Agent:
        """The agent as last registered."""
        return self._agent

    @property
    def epoch(self) -> int:
        """The session epoch; 0 before the first registration."""
        return self._agent.session_epoch

    async def open(self) -> None:
        """Registers the agent; waits while the suite is away. Raises a final error, such as AGENT_NAME_TAKEN."""
        await self.renew(self.epoch)

    async def renew(self, seen_epoch: int) -> None:
        """Registers anew, unless that has happened since the caller saw `seen_epoch`."""
        async with self._registering:
            if self.epoch != seen_epoch:
                return
            request = agent_service_pb2.RegisterAgentRequest()
            request.CopyFrom(self._registration)
            request.request_id = str(uuid4())
            response = await self._endlessly(lambda: self._stub.RegisterAgent(request, timeout=_CALL_SECONDS))
            self._agent = response.agent
            _log.info("agent %s registered as %s, session %d", self._agent.name, self._agent.id, self.epoch)
            self._renewed.set()
            self._renewed = asyncio.Event()

    async def outlived(self, epoch: int) -> None:
        """Returns when the session epoch is no longer this one."""
        while self.epoch == epoch:
            await self._renewed.wait()

    async def keep(self) -> NoReturn:
        """Beats at a third of the lease. Raises SessionSuperseded when another session has taken over."""
        while True:
            lease = self._agent.lease_duration.ToNanoseconds() / 1e9
            await asyncio.sleep(lease / 3)
            await self.beat()

    async def beat(self) -> None:
        """Extends the lease now; registers again if the agent is not known any more. Raises SessionSuperseded."""
        epoch = self.epoch
        request = agent_service_pb2.HeartbeatRequest(session_epoch=epoch)
        try:
            await self._endlessly(lambda: self._stub.Heartbeat(request, timeout=_CALL_SECONDS))
        except SessionSuperseded:
            # Unless it was this process that registered anew while the beat was on its way.
            if self.epoch == epoch:
                raise
        except RookeryError as error:
            if error.reason != "AGENT_NOT_FOUND":
                raise
            _log.warning("agent %s is not registered any more, registering it again", self._agent.name)
            await self.renew(epoch)

    async def leave(self) -> None:
        """Gives the lease back, so that the agent is OFFLINE at once. Failing that, the lease runs out."""
        request = agent_service_pb2.HeartbeatRequest(session_epoch=self.epoch, going_offline=True)
        try:
            await self._stub.Heartbeat(request, timeout=_CALL_SECONDS)
        except RookeryError as error:
            _log.warning("agent %s could not say that it goes offline: %s", self._agent.name, error)

    async def _endlessly(self, attempt: Callable[[], Awaitable[T]]) -> T:
        backoff = Backoff()
        while True:
            try:
                return await attempt()
            except RookeryError as error:
                if is_final(error) or error.reason == "AGENT_NOT_FOUND":
                    raise
                wait = backoff.next(at_least=error.detail.retry_after or 0.0)
                _log.warning("the registry does not answer, next try in %.1f s: %s", wait, error)
            await asyncio.sleep(wait)
