"""Asking an agent and waiting for its answer."""

import time
from typing import TYPE_CHECKING

from rookery.orchestrator.v1 import message_service_pb2

from rookery_sdk.messages import Message, Outgoing
from rookery_sdk.patience import patiently

if TYPE_CHECKING:
    from rookery.orchestrator.v1.message_service_pb2_grpc import MessageServiceAsyncStub


def question(outgoing: Outgoing) -> message_service_pb2.RequestRequest:
    """The request, still without an id. Raises PayloadInvalid, or ValueError for what a field cannot hold."""
    draft = outgoing.request()
    return message_service_pb2.RequestRequest(
        recipient_agent_id=draft.recipient_agent_id or None,
        recipient_name=draft.recipient_name or None,
        priority=draft.priority,
        type=draft.type,
        payload=draft.payload,
    )


async def ask(
    stub: "MessageServiceAsyncStub", request: message_service_pb2.RequestRequest, *, timeout: float
) -> Message:
    """The answer, within `timeout` seconds; asks again under the same id while the suite is away.

    Raises DeadlineExceeded (REQUEST_UNANSWERED) when none comes, and what sending raises.
    """
    give_up = time.monotonic() + timeout

    async def attempt() -> message_service_pb2.RequestResponse:
        return await stub.Request(request, timeout=max(0.05, give_up - time.monotonic()))

    answer = await patiently(attempt, patience=timeout)
    return Message.of(answer.reply, attempt=1)
