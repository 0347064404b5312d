"""Telling many, and watching what is told."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rookery.orchestrator.v1 import message_service_pb2, topic_service_pb2

from rookery_sdk.backoff import Backoff
from rookery_sdk.errors import RookeryError
from rookery_sdk.fields import check_labels, check_text
from rookery_sdk.messages import Message, Outgoing
from rookery_sdk.patience import RENEWABLE, passes, patiently

if TYPE_CHECKING:
    from rookery.orchestrator.v1.message_service_pb2_grpc import MessageServiceAsyncStub
    from rookery.orchestrator.v1.topic_service_pb2_grpc import TopicServiceAsyncStub

_CALL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Audience:
    """Agents by what they are; each fits all that is given, and at least one thing is."""

    capability: str = ""
    role: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    online_only: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """What was told to many: for `pending` of its recipients it waits, because their mailboxes are full."""

    message_id: str
    recipients: int
    pending: int


def publication(topic: str, outgoing: Outgoing) -> topic_service_pb2.PublishRequest:
    """The request that publishes, still without an id. Raises PayloadInvalid, or ValueError."""
    check_text("topic", topic)
    draft = outgoing.request()
    return topic_service_pb2.PublishRequest(
        topic=topic,
        priority=draft.priority,
        type=draft.type,
        payload=draft.payload,
        correlation_id=draft.correlation_id,
    )


def announcement(audience: Audience, outgoing: Outgoing) -> message_service_pb2.BroadcastRequest:
    """The request that broadcasts, still without an id. Raises PayloadInvalid, or ValueError."""
    check_text("capability", audience.capability)
    check_text("role", audience.role)
    check_labels("labels", audience.labels.items())
    draft = outgoing.request()
    selector = message_service_pb2.AgentSelector(
        capability=audience.capability,
        role=audience.role,
        labels=audience.labels,
        online_only=audience.online_only,
    )
    return message_service_pb2.BroadcastRequest(
        selector=selector,
        priority=draft.priority,
        type=draft.type,
        payload=draft.payload,
        correlation_id=draft.correlation_id,
    )


async def publish(
    stub: "TopicServiceAsyncStub", request: topic_service_pb2.PublishRequest, *, patience: float
) -> Published:
    """Publishes, repeating under the same id while the suite is away. It is durable when this returns."""

    async def attempt() -> topic_service_pb2.PublishResponse:
        return await stub.Publish(request, timeout=_CALL_SECONDS)

    answer = await patiently(attempt, patience=patience)
    return Published(answer.message_id, answer.recipient_count, answer.pending_count)


async def broadcast(
    stub: "MessageServiceAsyncStub", request: message_service_pb2.BroadcastRequest, *, patience: float
) -> Published:
    """Broadcasts, repeating under the same id while the suite is away. It is durable when this returns."""

    async def attempt() -> message_service_pb2.BroadcastResponse:
        return await stub.Broadcast(request, timeout=_CALL_SECONDS)

    answer = await patiently(attempt, patience=patience)
    return Published(answer.message_id, answer.recipient_count, answer.pending_count)


async def watch(
    stub: "TopicServiceAsyncStub", topic: str, *, after_sequence: int | None = None, patience: float | None = None
) -> AsyncIterator[tuple[int, Message]]:
    """What is published, with its sequence, without end; goes on where it was after a lost connection.

    `after_sequence` 0 begins with the oldest that is kept, None with what comes. `patience` bounds in seconds how
    long nothing may be heard because the suite is away; None waits for ever.
    """
    backoff = Backoff()
    heard = time.monotonic()
    while True:
        request = topic_service_pb2.SubscribeRequest(topic=topic, after_sequence=after_sequence)
        wait = 0.0
        try:
            async for answer in stub.Subscribe(request):
                backoff.reset()
                heard = time.monotonic()
                if answer.HasField("publication"):
                    after_sequence = answer.publication.sequence
                    yield after_sequence, Message.of(answer.publication.message, attempt=1)
        except RookeryError as error:
            wait = error.detail.retry_after or 0.0
            given_up = patience is not None and time.monotonic() - heard > patience
            if given_up or not (passes(error) or error.reason in RENEWABLE):
                raise
        await asyncio.sleep(backoff.next(at_least=wait))
