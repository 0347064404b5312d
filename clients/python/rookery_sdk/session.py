"""An agent's registration."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

import grpc
from rookery.registry.v1 import agent_pb2, agent_service_pb2

from rookery_sdk.authorization import call_metadata
from rookery_sdk.backoff import Backoff
from rookery_sdk.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    PermissionDenied,
    RookeryError,
    SessionSuperseded,
    Unauthenticated,
    Unavailable,
)
from rookery_sdk.status import error_of
from rookery_sdk.tokens import AccessTokens

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

    def __init__(
        self,
        stub: "AgentServiceAsyncStub",
        access: AccessTokens,
        registration: agent_service_pb2.RegisterAgentRequest,
    ) -> None:
        self._stub = stub
        self._access = access
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

    async def confirm(self) -> None:
        """Asks the registry whether this session is the one in force; registers again if the agent is not known.

        Raises SessionSuperseded when another session has taken over.
        """
        epoch = self.epoch
        request = agent_service_pb2.HeartbeatRequest(session_epoch=epoch)
        try:
            await self._endlessly(lambda: self._beat_once(request))
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
            await self._beat_once(request)
        except RookeryError as error:
            _log.warning("agent %s could not say that it goes offline: %s", self._agent.name, error)

    async def _beat_once(self, request: agent_service_pb2.HeartbeatRequest) -> None:
        """One beat on a stream of its own, until the registry has stored it."""
        token = await self._access.current()
        call = self._stub.Heartbeat(iter([request]), metadata=call_metadata(token), timeout=_CALL_SECONDS)
        try:
            await call.read()
        except grpc.aio.AioRpcError as failed:
            error = error_of(failed)
            if isinstance(error, Unauthenticated):
                await self._access.replaced(token)
                raise Unavailable(f"the token was replaced: {error.message}") from None
            raise error from None
        finally:
            call.cancel()

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
