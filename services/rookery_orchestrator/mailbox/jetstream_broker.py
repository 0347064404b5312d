"""The stream of mail, for all mailboxes of this replica."""

import asyncio
import math
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from nats.aio.msg import Msg
from nats.js.api import ConsumerInfo
from rookery_kit.bus import Bus, Publication
from rookery_kit.bus.subjects import mail_subject
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_orchestrator.mailbox.broker import Posted
from rookery_orchestrator.mailbox.claim import Claim, session_subject
from rookery_orchestrator.mailbox.consumers import AT_A_TIME, Consumers, bus_errors
from rookery_orchestrator.mailbox.dead_letters import DeadLetters
from rookery_orchestrator.mailbox.doubts import Doubts
from rookery_orchestrator.mailbox.erasing import Eraser
from rookery_orchestrator.mailbox.failure_history import FailureHistory
from rookery_orchestrator.mailbox.jetstream_mailbox import JetStreamMailbox
from rookery_orchestrator.mailbox.letter import Letter
from rookery_orchestrator.mailbox.letter_store import LetterStore
from rookery_orchestrator.mailbox.mailbox_room import MailboxRoom
from rookery_orchestrator.mailbox.model import Message, Priority, ReceivingSession
from rookery_orchestrator.mailbox.outcome_log import OutcomeLog
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.mailbox.posting import Posting
from rookery_orchestrator.mailbox.pulls import Pulls
from rookery_orchestrator.mailbox.recall import Recall
from rookery_orchestrator.mailbox.removal import Removal
from rookery_orchestrator.mailbox.settled_inbox import SettledInbox
from rookery_orchestrator.mailbox.sieve import Sieve
from rookery_orchestrator.mailbox.stored_mail import StoredMail
from rookery_orchestrator.mailbox.tenant_room import TenantRoom
from rookery_orchestrator.mailbox.uplink import Uplink
from rookery_orchestrator.mailbox.verdicts import Verdicts
from rookery_orchestrator.mailbox.wire import seal_with_trail

_PURGES_AT_A_TIME = 4
# How often a mailbox looks for what it may not have been told: so often up to so many mailboxes, and with more of them
# less often, so that all together do not ask more of the server.
_LOOK_SECONDS = 30.0
_LOOKING_SO_OFTEN = 1_000
_SOONEST = 0.7
_Mailbox = tuple[str, str]


class JetStreamBroker:
    """Puts mail into the stream and opens mailboxes on it (`MailBroker`)."""

    def __init__(
        self,
        bus: Bus,
        uplink: Uplink,
        policy: DeliveryPolicy,
        outcomes: OutcomeLog,
        inbox: SettledInbox,
        room: TenantRoom,
        eraser: Eraser,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._bus = bus
        self._outcomes = outcomes
        self._inbox = inbox
        self._clock = clock
        self._uplink = uplink
        self._policy = policy
        self._new_id = new_id
        self._eraser = eraser
        self._stored = StoredMail(bus, policy)
        self._purges = asyncio.Semaphore(_PURGES_AT_A_TIME)
        self._turns = asyncio.Semaphore(AT_A_TIME)
        mailboxes = MailboxRoom(bus, clock)
        self._posting = Posting(bus, room, mailboxes, LetterStore(bus, mailboxes, new_id))
        self._held: defaultdict[_Mailbox, dict[Claim, Pulls]] = defaultdict(dict)

    @classmethod
    async def start(
        cls,
        bus: Bus,
        uplink: Uplink,
        policy: DeliveryPolicy,
        outcomes: OutcomeLog,
        inbox: SettledInbox,
        room: TenantRoom,
        eraser: Eraser,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> Self:
        """Begins to listen for streams that take over mailboxes, here and on other replicas, and for unusual mail."""
        broker = cls(bus, uplink, policy, outcomes, inbox, room, eraser, clock, new_id)
        with bus_errors():
            await bus.client.subscribe(session_subject("*", "*"), cb=broker._taken_over)
            for priority in (Priority.HIGH, Priority.LOW):
                # Mail on its way into the stream is heard as well, by whoever listens.
                await bus.client.subscribe(mail_subject("*", "*", priority.value), cb=broker._on_its_way)
        return broker

    async def put(self, tenant: str, message: Message) -> bool:
        """Stores a message: True when its sender had sent this id before.

        Raises BusUnavailable, StreamFull or PayloadTooLarge.
        """
        posted = (await self._posting.post([self._letter(tenant, message)._replace(awaited=True)]))[0]
        if isinstance(posted, RookeryError):
            raise posted
        return posted

    def put_all(self, tenant: str, messages: Sequence[Message]) -> Awaitable[Sequence[Posted]]:
        """Stores messages in their order, each with a result of its own."""
        return self._posting.post([self._letter(tenant, message) for message in messages])

    def _letter(self, tenant: str, message: Message) -> Letter:
        left = 0
        if message.expire_time is not None:
            # The server counts whole seconds; what it removes late is not delivered all the same.
            left = max(1, math.ceil((message.expire_time - self._clock.now()).total_seconds()))
        sealed = seal_with_trail(message, with_payload=self._policy.trail_payloads)
        publication = Publication(
            mail_subject(tenant, message.recipient_agent_id, message.priority.value),
            sealed.mail,
            message_id=f"{tenant}/{message.sender}/{message.id}",
            traceparent=message.traceparent,
            time_to_live=left,
        )
        return Letter(tenant, publication, sealed.trail)

    async def open(self, tenant: str, agent_id: str, session: ReceivingSession) -> JetStreamMailbox:
        """Takes a mailbox over. Raises SessionSuperseded or BusUnavailable."""
        consumers = Consumers(self._bus.jetstream, tenant, agent_id, self._policy, self._turns)
        subject = session_subject(tenant, agent_id)
        removal = Removal(
            self._uplink,
            self._eraser,
            self._purges,
            tenant,
            agent_id,
            patience=self._policy.ack_wait / 4,
        )

        doubts = Doubts(self._inbox.summary)

        def began(priority: Priority, info: ConsumerInfo) -> None:
            removal.begin(priority, info)
            recall.begin(priority, info)

        def taken(priority: Priority, info: ConsumerInfo) -> None:
            doubts.begin()
            began(priority, info)

        claim = Claim(
            self._bus,
            consumers,
            subject,
            session.session_epoch,
            holder=self._new_id(),
            began=taken,
            now_and_then=self._now_and_then,
        )
        pulls = Pulls(self._uplink, consumers, removal, began, self._now_and_then)
        verdicts = Verdicts(self._uplink, consumers, pulls.inbox)
        recall = Recall(self._bus, self._stored, consumers, verdicts, self._turns, tenant, agent_id)

        def renewed() -> None:
            pulls.renewed()
            removal.renewed()
            doubts.begin()
            claim.look()

        def forget() -> None:
            self._uplink.leave(renewed)
            self._held[tenant, agent_id].pop(claim, None)
            if not self._held[tenant, agent_id]:
                del self._held[tenant, agent_id]

        # Before the claim is made: from then on another may take the mailbox over, or the connection be lost.
        self._uplink.listen(renewed)
        self._held[tenant, agent_id][claim] = pulls
        try:
            await claim.take()
            with bus_errors():
                await pulls.inbox.open()
        except BaseException:
            forget()
            raise
        self._eraser.expect(len(self._held))
        history = FailureHistory(self._bus, self._clock, tenant, agent_id, session)
        return JetStreamMailbox(
            tenant=tenant,
            claim=claim,
            pulls=pulls,
            verdicts=verdicts,
            history=history,
            dead_letters=DeadLetters(self._bus, verdicts, history, self._clock, tenant, agent_id),
            outcomes=self._outcomes,
            inbox=self._inbox,
            sieve=Sieve(tenant, self._inbox, doubts, removal, verdicts, self._outcomes, self._clock),
            removal=removal,
            recall=recall,
            forget=forget,
        )

    def _now_and_then(self) -> float:
        # A bell that hangs is what keeps a consumer from counting as unused.
        longest = max(_LOOK_SECONDS, self._policy.receiver_inactive / 2)
        seconds = min(longest, _LOOK_SECONDS * max(1.0, len(self._held) / _LOOKING_SO_OFTEN))
        # Mailboxes that were opened together do not look together for ever.
        return seconds * random.uniform(_SOONEST, 1.0)  # noqa: S311 -- no secret

    def held(self, tenant: str, agent_id: str) -> int | None:
        """The session of the stream that holds a mailbox on this replica; None: there is none."""
        claims = self._held.get((tenant, agent_id), ())
        return max((claim.session_epoch for claim in claims), default=None)

    async def _taken_over(self, notice: Msg) -> None:
        _, tenant, _, agent_id = notice.subject.split(".")
        for claim in self._held.get((tenant, agent_id), ()):
            if claim.holder != notice.data.decode():
                claim.look()

    async def _on_its_way(self, mail: Msg) -> None:
        _, tenant, _, agent_id, priority = mail.subject.split(".")
        for pulls in self._held.get((tenant, agent_id), {}).values():
            pulls.noticed(Priority(priority))
