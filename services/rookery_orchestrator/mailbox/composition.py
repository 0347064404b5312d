"""The mailbox half of the orchestrator, put together."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from rookery_kit.bus import Bus
from rookery_kit.clock import Clock, new_id

from rookery_orchestrator.directory import AgentDirectory
from rookery_orchestrator.mailbox.answer_trail import JetStreamAnswerTrail
from rookery_orchestrator.mailbox.broker import MailBroker
from rookery_orchestrator.mailbox.delayed import DelayedMail, DelayedStore
from rookery_orchestrator.mailbox.erasing import Eraser
from rookery_orchestrator.mailbox.inbox_summary import InboxSummary, SettledHistory
from rookery_orchestrator.mailbox.jetstream_broker import JetStreamBroker
from rookery_orchestrator.mailbox.mailroom import Mailroom
from rookery_orchestrator.mailbox.outcome_log import OutcomeLog
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.mailbox.presence import Presence
from rookery_orchestrator.mailbox.receiving import ReceiveMail
from rookery_orchestrator.mailbox.replies import JetStreamReplies
from rookery_orchestrator.mailbox.requests import AskAgent, ReplyToRequest
from rookery_orchestrator.mailbox.sending import SendMessage
from rookery_orchestrator.mailbox.settled_inbox import SettledInbox, SettledStore
from rookery_orchestrator.mailbox.shared_clock import SharedClock
from rookery_orchestrator.mailbox.stored_mail import StoredMail
from rookery_orchestrator.mailbox.tenant_room import MailQuotas, TenantRoom
from rookery_orchestrator.mailbox.uplink import Uplink


class Inbox(SettledStore, SettledHistory, Protocol):
    """The inbox of settled messages."""


@dataclass(frozen=True, slots=True)
class MailStores:
    """What the mailbox keeps in the database."""

    settled: Inbox
    delayed: DelayedStore


@dataclass(frozen=True, slots=True)
class MailboxParts:
    """The use cases, and the loops that run beside them. `clock` tells the time that all replicas share."""

    send_message: SendMessage
    receive_mail: ReceiveMail
    ask_agent: AskAgent
    reply_to_request: ReplyToRequest
    mail: MailBroker
    stored: StoredMail
    presence: Presence
    outcomes: OutcomeLog
    eraser: Eraser
    delayed: DelayedStore
    clock: Clock
    background: tuple[Callable[[], Coroutine[Any, Any, None]], ...]


async def compose_mailbox(
    bus: Bus,
    directory: AgentDirectory,
    own_clock: Clock,
    policy: DeliveryPolicy,
    stores: MailStores,
    quotas: Callable[[str], MailQuotas],
) -> MailboxParts:
    """Builds it on an open bus. Raises BusUnavailable, or Unavailable when the database does not tell the time."""
    uplink = Uplink(bus)
    clock = SharedClock(own_clock, stores.delayed.now)
    await clock.adjust()
    outcomes = OutcomeLog(bus, clock, new_id)
    room = TenantRoom(bus, clock, quotas)
    stored = StoredMail(bus, policy)
    summary = InboxSummary(
        stores.settled,
        clock,
        stored.last_place,
        most=policy.summarized,
        kept=timedelta(days=policy.settled_days),
        age=policy.summary_age,
    )
    eraser = Eraser(bus)
    broker = await JetStreamBroker.start(
        bus, uplink, policy, outcomes, SettledInbox(stores.settled, summary), room, eraser, clock, new_id
    )
    delayed = DelayedMail(stores.delayed, broker, policy.most_delayed)
    send_message = SendMessage(Mailroom(broker, delayed), directory, clock, new_id)
    replies = JetStreamReplies(bus)
    answer_trail = JetStreamAnswerTrail(bus, new_id, with_payloads=policy.trail_payloads)
    presence = Presence(bus.client, broker)
    await presence.start()
    return MailboxParts(
        send_message=send_message,
        receive_mail=ReceiveMail(broker, directory, policy),
        ask_agent=AskAgent(send_message, replies, directory, clock, new_id),
        reply_to_request=ReplyToRequest(replies, answer_trail, clock, new_id),
        mail=broker,
        stored=stored,
        presence=presence,
        outcomes=outcomes,
        eraser=eraser,
        delayed=stores.delayed,
        clock=clock,
        background=(outcomes.run, eraser.run, delayed.run, clock.run, summary.run),
    )
