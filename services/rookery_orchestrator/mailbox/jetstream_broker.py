"""The stream of mail, for all mailboxes of this replica."""

from collections import defaultdict
from collections.abc import Callable
from typing import Self

from nats.aio.msg import Msg
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import mail_subject

from rookery_orchestrator.mailbox.claim import Claim, session_subject
from rookery_orchestrator.mailbox.consumers import Consumers, bus_errors
from rookery_orchestrator.mailbox.dead_letters import DeadLetters
from rookery_orchestrator.mailbox.jetstream_mailbox import JetStreamMailbox
from rookery_orchestrator.mailbox.model import Message
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.mailbox.pulls import Pulls
from rookery_orchestrator.mailbox.uplink import Uplink
from rookery_orchestrator.mailbox.verdicts import Verdicts
from rookery_orchestrator.mailbox.wire import seal


class JetStreamBroker:
    """Puts mail into the stream and opens mailboxes on it (`MailBroker`)."""

    def __init__(self, bus: Bus, uplink: Uplink, policy: DeliveryPolicy, new_id: Callable[[], str]) -> None:
        self._bus = bus
        self._uplink = uplink
        self._policy = policy
        self._new_id = new_id
        self._claims: defaultdict[str, set[Claim]] = defaultdict(set)

    @classmethod
    async def start(cls, bus: Bus, uplink: Uplink, policy: DeliveryPolicy, new_id: Callable[[], str]) -> Self:
        """Begins to listen for streams that take over mailboxes, here and on other replicas."""
        broker = cls(bus, uplink, policy, new_id)
        with bus_errors():
            await bus.client.subscribe(session_subject("*", "*"), cb=broker._taken_over)
        return broker

    async def put(self, tenant: str, message: Message) -> bool:
        """Stores a message: True when its sender had sent this id before. Raises BusUnavailable or StreamFull."""
        return await self._bus.publish(
            mail_subject(tenant, message.recipient_agent_id, message.priority.value),
            seal(message),
            message_id=f"{tenant}/{message.sender}/{message.id}",
            traceparent=message.traceparent,
        )

    async def open(self, tenant: str, agent_id: str, session_epoch: int) -> JetStreamMailbox:
        """Takes a mailbox over. Raises SessionSuperseded or BusUnavailable."""
        consumers = Consumers(self._bus.jetstream, tenant, agent_id, self._policy)
        subject = session_subject(tenant, agent_id)
        claim = Claim(self._bus, consumers, subject, session_epoch, holder=self._new_id())
        await claim.take()
        pulls = Pulls(self._uplink, consumers)
        with bus_errors():
            await pulls.inbox.open()
        verdicts = Verdicts(self._uplink, consumers, pulls.inbox)

        def renewed() -> None:
            pulls.renewed()
            claim.look()

        def forget() -> None:
            self._uplink.leave(renewed)
            self._claims[subject].discard(claim)
            if not self._claims[subject]:
                del self._claims[subject]

        self._uplink.listen(renewed)
        self._claims[subject].add(claim)
        return JetStreamMailbox(
            claim=claim,
            pulls=pulls,
            verdicts=verdicts,
            dead_letters=DeadLetters(self._bus, verdicts, tenant, agent_id),
            forget=forget,
        )

    async def _taken_over(self, notice: Msg) -> None:
        for claim in tuple(self._claims.get(notice.subject, ())):
            if claim.holder != notice.data.decode():
                claim.look()
