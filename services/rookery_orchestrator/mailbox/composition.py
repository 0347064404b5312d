"""The mailbox half of the orchestrator, put together."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from rookery_kit.bus import Bus
from rookery_kit.clock import Clock, new_id

from rookery_orchestrator.directory import AgentDirectory
from rookery_orchestrator.mailbox.jetstream_broker import JetStreamBroker
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.mailbox.receiving import ReceiveMail
from rookery_orchestrator.mailbox.sending import SendMessage
from rookery_orchestrator.mailbox.uplink import Uplink


@dataclass(frozen=True, slots=True)
class MailboxParts:
    """The use cases, and the loops that run beside them."""

    send_message: SendMessage
    receive_mail: ReceiveMail
    background: tuple[Callable[[], Coroutine[Any, Any, None]], ...]


async def compose_mailbox(bus: Bus, directory: AgentDirectory, clock: Clock, policy: DeliveryPolicy) -> MailboxParts:
    """Builds it on an open bus. Raises BusUnavailable."""
    uplink = Uplink(bus.client)
    broker = await JetStreamBroker.start(bus, uplink, policy, new_id)
    return MailboxParts(
        send_message=SendMessage(broker, directory, clock, new_id),
        receive_mail=ReceiveMail(broker, directory, policy),
        background=(uplink.run,),
    )
