"""What goes over a Receive stream, both ways."""

from dataclasses import dataclass

from rookery_orchestrator.mailbox.model import Delivery, Settlement


@dataclass(frozen=True, slots=True)
class OpenMailbox:
    """Opens the mailbox in a session of the agent; the first frame and only the first."""

    session_epoch: int
    agent_version: str = ""


@dataclass(frozen=True, slots=True)
class GrantCredits:
    """Grants credits, each worth one delivery."""

    count: int


@dataclass(frozen=True, slots=True)
class SettleDeliveries:
    """Settles deliveries."""

    settlements: tuple[Settlement, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """The mailbox is open."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Messages, in the order of delivery."""

    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """Settlements that are stored, in the order they came, and ids of deliveries that were not in flight."""

    delivery_ids: tuple[int, ...]
    unknown_delivery_ids: tuple[int, ...]


FromAgent = OpenMailbox | GrantCredits | SettleDeliveries
ToAgent = Opened | Deliveries | Settled
