"""Asking an agent, and answering."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID, uuid5

from rookery_kit.clock import Clock
from rookery_kit.errors import DeadlineExceeded, Unavailable
from rookery_kit.identity import Principal

from rookery_orchestrator.directory import AgentDirectory, Metadata
from rookery_orchestrator.mailbox.model import Draft, Message, Priority
from rookery_orchestrator.mailbox.sending import SendMessage, Sent, find_recipient
from rookery_orchestrator.model import Payload
from rookery_orchestrator.session_errors import NotAnAgent

# Told before the caller's own clock gives up, so that it learns the reason.
_MARGIN_SECONDS = 0.1
_AGENT = "agent"


class RequestUnanswered(DeadlineExceeded):
    """The request is in the mailbox, and no answer came in time."""

    reason = "REQUEST_UNANSWERED"

    def __init__(self, message_id: str) -> None:
        super().__init__(f"no answer to the request {message_id} came in time", message_id=message_id)


@dataclass(frozen=True, slots=True)
class ReplyPlace:
    """Where the answer to one request is kept: only the agent that was asked can put one there."""

    tenant: str
    replier_id: str
    address: str


class AwaitedReply(Protocol):
    """An answer that is waited for."""

    async def get(self) -> Message:
        """Waits for the answer, through outages of the bus."""
        ...


class ReplyStore(Protocol):
    """Keeps answers for a while; the first to a request counts."""

    async def put(self, place: ReplyPlace, reply: Message) -> bool:
        """Keeps an answer and replies once it is durable: True when there was one. Raises Unavailable."""
        ...

    async def find(self, place: ReplyPlace) -> Message | None:
        """The answer that is kept, if there is one. Raises Unavailable."""
        ...

    def awaiting(self, place: ReplyPlace) -> AbstractAsyncContextManager[AwaitedReply]:
        """Listens for an answer, from the beginning of the block on. Raises Unavailable."""
        ...


class AnswerTrail(Protocol):
    """Takes answers to the audit trail."""

    async def tell(self, place: ReplyPlace, answer: Message) -> None:
        """Hands an answer over and replies once that is durable; the same one again adds nothing.

        Raises Unavailable, or ResourceExhausted when there is no room.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What an agent answers. No `message_id`: a new one."""

    address: str
    message_id: str
    priority: Priority
    type: str
    payload: Payload
    correlation_id: str
    traceparent: str


class AskAgent:
    """Puts a request into the mailbox of an agent and waits for its answer."""

    def __init__(
        self,
        send: SendMessage,
        replies: ReplyStore,
        directory: AgentDirectory,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._send = send
        self._replies = replies
        self._directory = directory
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, asker: Principal, question: Draft, forward: Metadata, within: float) -> Message:
        """The answer, within so many seconds. A request that was answered before is not sent again.

        Raises RequestUnanswered once it is in the mailbox, Unavailable when that is not sure in time, and what
        SendMessage raises.
        """
        message_id = question.message_id.lower() or self._new_id()
        recipient = await find_recipient(self._directory, asker.tenant, question, forward)
        address = str(uuid5(UUID(message_id), f"{asker.tenant}/{asker.subject}/{recipient.id}"))
        place = ReplyPlace(asker.tenant, recipient.id, address)
        question = question._replace(
            message_id=message_id,
            recipient_agent_id=recipient.id,
            recipient_name="",
            correlation_id=message_id,
            reply_address=address,
            reply_deadline=self._clock.now() + timedelta(seconds=within),
        )
        asked = False
        try:
            async with (
                asyncio.timeout(within - min(_MARGIN_SECONDS, within / 10)),
                self._replies.awaiting(place) as awaited,
            ):
                reply = await self._replies.find(place)
                if reply is None:
                    await self._send(asker, question, forward)
                    asked = True
                    reply = await awaited.get()
        except TimeoutError:
            if not asked:
                raise Unavailable("the request may not have been sent; ask again under the same id") from None
            raise RequestUnanswered(message_id) from None
        asking_agent = asker.identifier if asker.kind == _AGENT else ""
        return reply._replace(correlation_id=message_id, recipient_agent_id=asking_agent)


class ReplyToRequest:
    """Hands an answer to whoever waits for it, or will ask again, and to the audit trail."""

    def __init__(self, replies: ReplyStore, trail: AnswerTrail, clock: Clock, new_id: Callable[[], str]) -> None:
        self._replies = replies
        self._trail = trail
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, replier: Principal, reply: Reply) -> Sent:
        """The answer, once it is durable and on its way to the audit trail. Of several the first counts.

        Raises NotAnAgent, Unavailable, or ResourceExhausted when there is no room for the trail.
        """
        if replier.kind != _AGENT:
            raise NotAnAgent(replier.subject)
        message = Message(
            id=reply.message_id or self._new_id(),
            sender=replier.subject,
            recipient_agent_id="",
            priority=reply.priority,
            type=reply.type,
            payload=reply.payload,
            correlation_id=reply.correlation_id,
            reply_to_agent_id="",
            create_time=self._clock.now(),
            traceparent=reply.traceparent,
            delegates=replier.actors,
        )
        place = ReplyPlace(replier.tenant, replier.identifier, reply.address)
        duplicate = await self._replies.put(place, message)
        await self._trail.tell(place, await self._stored(place) if duplicate else message)
        return Sent(message, duplicate)

    async def _stored(self, place: ReplyPlace) -> Message:
        """The answer that counts: whoever gave it may have been lost before it was in the trail."""
        stored = await self._replies.find(place)
        if stored is None:
            # Its time is over just now, or not every copy of the stream has it yet.
            raise Unavailable("the answer that was given before is not found; give it again")
        return stored
