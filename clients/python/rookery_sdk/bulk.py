"""Sending many messages over one stream."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import grpc
from rookery.orchestrator.v1 import message_service_pb2

from rookery_sdk.authorization import call_metadata
from rookery_sdk.backoff import Backoff
from rookery_sdk.errors import RookeryError, Unauthenticated
from rookery_sdk.patience import passes
from rookery_sdk.status import error_of, error_of_status
from rookery_sdk.tokens import AccessToken

if TYPE_CHECKING:
    from rookery.orchestrator.v1.message_service_pb2_grpc import MessageServiceAsyncStub

_FRAME_MESSAGES = 250
_FRAME_BYTES = 2 * 1024 * 1024
_FRAMES_ON_THEIR_WAY = 4


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What became of one message: accepted when `error` is None. `duplicate`: its id had been accepted before."""

    message_id: str
    duplicate: bool = False
    error: RookeryError | None = None


class Tokens(Protocol):
    """Gives access tokens."""

    async def current(self) -> AccessToken:
        """One to call with. Raises RookeryError."""
        ...

    async def replaced(self, refused: AccessToken) -> AccessToken:
        """Another than the one that was refused. Raises RookeryError."""
        ...


async def send_many(
    stub: "MessageServiceAsyncStub",
    tokens: Tokens,
    requests: Sequence[message_service_pb2.SendMessageRequest],
    *,
    patience: float,
) -> list[SendOutcome]:
    """Sends messages that have ids, and answers what became of each, in order.

    What is refused for a reason that passes is sent again under its id, for `patience` seconds, and may so arrive
    after later ones.
    """
    outcomes = [SendOutcome(request.message_id) for request in requests]
    waiting = list(range(len(requests)))
    give_up, backoff = time.monotonic() + patience, Backoff()
    token = await tokens.current()
    while waiting:
        lost = await _send(stub, token, requests, waiting, outcomes)
        if isinstance(lost, Unauthenticated):
            # One that expired meanwhile; a second one in a row is the credential's own fault.
            token = await tokens.replaced(token)
            lost = await _send(stub, token, requests, waiting, outcomes)
        if lost is not None and not passes(lost):
            raise lost
        waiting = [index for index in waiting if _may_pass(outcomes[index])]
        if not waiting:
            break
        pause = backoff.next(at_least=max(_retry_after(outcomes[index]) for index in waiting))
        if time.monotonic() + pause > give_up:
            break
        await asyncio.sleep(pause)
    return outcomes


async def _send(
    stub: "MessageServiceAsyncStub",
    token: AccessToken,
    requests: Sequence[message_service_pb2.SendMessageRequest],
    waiting: Sequence[int],
    outcomes: list[SendOutcome],
) -> RookeryError | None:
    """Sends once and notes the outcomes. Answers the error with which the stream ended early."""
    room = asyncio.Semaphore(_FRAMES_ON_THEIR_WAY)
    ends: deque[int] = deque()
    answered = 0

    async def frames() -> AsyncIterator[message_service_pb2.SendMessagesRequest]:
        for begin, end in _frames([requests[index] for index in waiting]):
            await room.acquire()
            ends.append(end)
            yield message_service_pb2.SendMessagesRequest(messages=[requests[index] for index in waiting[begin:end]])

    try:
        async for frame in stub.SendMessages(frames(), metadata=call_metadata(token)):
            for result in frame.results:
                error = error_of_status(result.error) if result.HasField("error") else None
                index = waiting[answered]
                outcomes[index] = SendOutcome(requests[index].message_id, result.duplicate, error)
                answered += 1
            # The results of several frames may come in one.
            while ends and ends[0] <= answered:
                ends.popleft()
                room.release()
    except (grpc.aio.AioRpcError, RookeryError) as failure:
        lost = error_of(failure) if isinstance(failure, grpc.aio.AioRpcError) else failure
        for index in waiting[answered:]:
            outcomes[index] = SendOutcome(requests[index].message_id, error=lost)
        return lost
    return None


def _frames(requests: Sequence[message_service_pb2.SendMessageRequest]) -> list[tuple[int, int]]:
    """Where each frame begins and ends, so that a server takes it."""
    frames: list[tuple[int, int]] = []
    begin, size = 0, 0
    for index, request in enumerate(requests):
        length = request.ByteSize()
        if index > begin and (index - begin == _FRAME_MESSAGES or size + length > _FRAME_BYTES):
            frames.append((begin, index))
            begin, size = index, 0
        size += length
    if begin < len(requests):
        frames.append((begin, len(requests)))
    return frames


def _may_pass(outcome: SendOutcome) -> bool:
    return outcome.error is not None and passes(outcome.error)


def _retry_after(outcome: SendOutcome) -> float:
    return (outcome.error.detail.retry_after if outcome.error else None) or 0.0
