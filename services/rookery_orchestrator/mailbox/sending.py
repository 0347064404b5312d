"""Sending a message."""

from collections.abc import Callable
from dataclasses import dataclass

from rookery_kit.clock import Clock
from rookery_kit.identity import Principal

from rookery_orchestrator.directory import AgentDirectory, AgentUnknown, KnownAgent, Metadata
from rookery_orchestrator.mailbox.broker import MailBroker
from rookery_orchestrator.mailbox.model import Draft, Message, RecipientNotFound


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that is in its mailbox. `duplicate`: its sender had sent this id before, and nothing was added."""

    message: Message
    duplicate: bool


class SendMessage:
    """Puts a message into the mailbox of an agent of the sender's tenant."""

    def __init__(self, broker: MailBroker, directory: AgentDirectory, clock: Clock, new_id: Callable[[], str]) -> None:
        self._broker = broker
        self._directory = directory
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, sender: Principal, draft: Draft, forward: Metadata) -> Sent:
        """The message, once it is durable.

        Raises RecipientNotFound, ResourceExhausted when there is no room, or Unavailable.
        """
        recipient = await self._find(sender.tenant, draft, forward)
        message = Message(
            # The same id in other letters is the same id.
            id=draft.message_id.lower() or self._new_id(),
            sender=sender.subject,
            recipient_agent_id=recipient.id,
            priority=draft.priority,
            type=draft.type,
            payload=draft.payload,
            correlation_id=draft.correlation_id,
            reply_to_agent_id=draft.reply_to_agent_id.lower(),
            create_time=self._clock.now(),
            traceparent=draft.traceparent,
        )
        return Sent(message, await self._broker.put(sender.tenant, message))

    async def _find(self, tenant: str, draft: Draft, forward: Metadata) -> KnownAgent:
        try:
            if draft.recipient_name:
                return await self._directory.find_by_name(tenant, draft.recipient_name, forward)
            return await self._directory.find(tenant, draft.recipient_agent_id.lower(), forward)
        except AgentUnknown:
            raise RecipientNotFound(draft.recipient_name or draft.recipient_agent_id) from None
