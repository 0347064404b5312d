"""Sending a message."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rookery_kit.clock import Clock
from rookery_kit.errors import InvalidArgument, RookeryError
from rookery_kit.identity import Principal

from rookery_orchestrator.directory import AgentDirectory, AgentUnknown, KnownAgent, Metadata
from rookery_orchestrator.mailbox.broker import Posted
from rookery_orchestrator.mailbox.mailroom import Mailroom
from rookery_orchestrator.mailbox.model import Draft, Message, RecipientNotFound

_LATEST_DELIVERY = timedelta(days=366)


class Sent(NamedTuple):
    """A message that is in its mailbox. `duplicate`: its sender had sent this id before, and nothing was added."""

    message: Message
    duplicate: bool


class Unsent(NamedTuple):
    """A message that was not accepted, and why. `message_id` may be empty where the sender gave none."""

    message_id: str
    error: RookeryError


class DeliverTimeTooLate(InvalidArgument):
    """Nothing is kept for so long."""

    def __init__(self) -> None:
        said = f"must be within {_LATEST_DELIVERY.days} days from now"
        super().__init__(f"deliver_time {said}", violations=(("deliver_time", said),))


class SendMessage:
    """Puts messages into the mailboxes of agents of the sender's tenant."""

    def __init__(self, mailroom: Mailroom, directory: AgentDirectory, clock: Clock, new_id: Callable[[], str]) -> None:
        self._mailroom = mailroom
        self._directory = directory
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, sender: Principal, draft: Draft, forward: Metadata) -> Sent:
        """The message, once it is durable.

        Raises RecipientNotFound, DeliverTimeTooLate, ResourceExhausted when there is no room, or Unavailable.
        """
        recipient = await find_recipient(self._directory, sender.tenant, draft, forward)
        message = self._prepare(sender, draft, recipient.id, self._clock.now())
        return Sent(message, await self._mailroom.put(sender.tenant, message))

    async def many(
        self, sender: Principal, drafts: Sequence[Draft], forward: Metadata
    ) -> "Awaitable[list[Sent | Unsent]]":
        """Puts messages on their way, in their order, and answers what answers their results in that order.

        What is put on its way by a later call arrives later. Raises nothing for a single message.
        """
        recipients = await self._recipients(sender.tenant, drafts, forward)
        now = self._clock.now()
        prepared: list[Message | Unsent] = []
        for draft in drafts:
            try:
                recipient = recipients[draft.recipient_name, draft.recipient_agent_id]
                if isinstance(recipient, RookeryError):
                    raise recipient
                prepared.append(self._prepare(sender, draft, recipient, now))
            except RookeryError as error:
                prepared.append(Unsent(draft.message_id.lower(), error))
        messages = [each for each in prepared if isinstance(each, Message)]
        return _results(prepared, self._mailroom.put_all(sender.tenant, messages) if messages else None)

    async def _recipients(
        self, tenant: str, drafts: Sequence[Draft], forward: Metadata
    ) -> "dict[tuple[str, str], str | RookeryError]":
        """The id of each recipient by the name and id in a draft, or why there is none."""
        recipients: dict[tuple[str, str], str | RookeryError] = {}
        for draft in drafts:
            named = draft.recipient_name, draft.recipient_agent_id
            if named not in recipients:
                try:
                    recipients[named] = (await find_recipient(self._directory, tenant, draft, forward)).id
                except RookeryError as error:
                    recipients[named] = error
        return recipients

    def _prepare(self, sender: Principal, draft: Draft, recipient: str, now: datetime) -> Message:
        deliver_time = draft.deliver_time if draft.deliver_time and draft.deliver_time > now else None
        if deliver_time is not None and deliver_time > now + _LATEST_DELIVERY:
            raise DeliverTimeTooLate
        expire_time = None
        if draft.time_to_live is not None:
            expire_time = (deliver_time or now) + timedelta(seconds=draft.time_to_live)
        return Message(
            # The same id in other letters is the same id.
            id=draft.message_id.lower() or self._new_id(),
            sender=sender.subject,
            recipient_agent_id=recipient,
            priority=draft.priority,
            type=draft.type,
            payload=draft.payload,
            correlation_id=draft.correlation_id,
            reply_to_agent_id=draft.reply_to_agent_id.lower(),
            create_time=now,
            traceparent=draft.traceparent,
            reply_address=draft.reply_address,
            reply_deadline=draft.reply_deadline,
            expire_time=expire_time,
            deliver_time=deliver_time,
            delegates=sender.actors,
        )


async def _results(
    prepared: Sequence[Message | Unsent], posting: "Awaitable[Sequence[Posted]] | None"
) -> "list[Sent | Unsent]":
    posted = iter(await posting if posting is not None else ())
    results: list[Sent | Unsent] = []
    for each in prepared:
        if isinstance(each, Unsent):
            results.append(each)
            continue
        result = next(posted)
        results.append(Unsent(each.id, result) if isinstance(result, RookeryError) else Sent(each, result))
    return results


async def find_recipient(directory: AgentDirectory, tenant: str, draft: Draft, forward: Metadata) -> KnownAgent:
    """Whom a draft is for. Raises RecipientNotFound or Unavailable."""
    try:
        if draft.recipient_name:
            return await directory.find_by_name(tenant, draft.recipient_name, forward)
        return await directory.find(tenant, draft.recipient_agent_id.lower(), forward)
    except AgentUnknown:
        raise RecipientNotFound(draft.recipient_name or draft.recipient_agent_id) from None
