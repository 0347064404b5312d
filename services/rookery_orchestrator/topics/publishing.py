"""Telling many: the members of a topic, or agents by what they are."""

from collections.abc import Callable
from typing import Protocol
from uuid import UUID, uuid5

from rookery_kit.clock import Clock
from rookery_kit.identity import Principal

from rookery_orchestrator.directory import Metadata
from rookery_orchestrator.mailbox.model import Message
from rookery_orchestrator.topics.fan_out import FanOutRelay
from rookery_orchestrator.topics.model import (
    MOST_RECIPIENTS,
    Accepted,
    FanOut,
    FanOutLimit,
    PublicationDraft,
    Published,
    Selector,
)
from rookery_orchestrator.topics.store import FanOutStore

Seal = Callable[[Message], bytes]


class AgentSearch(Protocol):
    """Finds agents by what they are."""

    async def select(self, selector: Selector, limit: int, forward: Metadata) -> list[str]:
        """The ids of the agents of the caller's tenant that fit, at most `limit`. Raises Unavailable."""
        ...


class Publishing:
    """Accepts messages to many, durably, and has them carried to the mailboxes.

    The id that a sender gives a message makes it one message, however often it is sent.
    """

    def __init__(
        self,
        *,
        store: FanOutStore,
        relay: FanOutRelay,
        search: AgentSearch,
        seal: Seal,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._relay = relay
        self._search = search
        self._seal = seal
        self._clock = clock
        self._new_id = new_id

    async def publish(self, sender: Principal, topic: str, draft: PublicationDraft) -> Published:
        """Tells the members of a topic. Raises TopicNotFound, FanOutLimit, or Unavailable."""
        message_id, fan_out = self._fan_out(sender, draft, topic, ())
        return await self._carry(message_id, await self._store.publish(fan_out, topic))

    async def broadcast(
        self, sender: Principal, selector: Selector, draft: PublicationDraft, forward: Metadata
    ) -> Published:
        """Tells the agents that fit at this moment. Raises FanOutLimit or Unavailable."""
        message_id, fan_out = self._fan_out(sender, draft, "", ())
        known = await self._store.recall(sender.tenant, fan_out.id)
        if known is None:
            found = await self._search.select(selector, MOST_RECIPIENTS + 1, forward)
            recipients = tuple(sorted({agent_id for agent_id in found if f"agent:{agent_id}" != sender.subject}))
            if len(recipients) > MOST_RECIPIENTS:
                text = f"a broadcast reaches at most {MOST_RECIPIENTS:,} agents"
                raise FanOutLimit(text, limit=str(MOST_RECIPIENTS))
            _, fan_out = self._fan_out(sender, draft, "", recipients, message_id)
            known = await self._store.broadcast(fan_out)
        return await self._carry(message_id, known)

    async def _carry(self, message_id: str, accepted: Accepted) -> Published:
        pending = await self._relay.carried(accepted.place, accepted.recipient_count)
        return Published(message_id, accepted.recipient_count, pending, accepted.duplicate)

    def _fan_out(
        self, sender: Principal, draft: PublicationDraft, topic: str, recipients: tuple[str, ...], message_id: str = ""
    ) -> tuple[str, FanOut]:
        message_id = message_id or draft.message_id.lower() or self._new_id()
        message = Message(
            id=message_id,
            sender=sender.subject,
            recipient_agent_id="",
            priority=draft.priority,
            type=draft.type,
            payload=draft.payload,
            correlation_id=draft.correlation_id,
            reply_to_agent_id=draft.reply_to_agent_id.lower(),
            create_time=self._clock.now(),
            traceparent=draft.traceparent,
            topic=topic,
            publication_id=message_id,
            delegates=sender.actors,
        )
        return message_id, FanOut(
            place=0,
            id=str(uuid5(UUID(message_id), f"{sender.tenant}/{sender.subject}")),
            tenant=sender.tenant,
            sender=sender.subject,
            topic_id="",
            mail=self._seal(message),
            recipients=recipients,
        )
