"""What the orchestrator must know."""

from typing import ClassVar

from pydantic import Field
from rookery_kit.settings import Address, ServiceSettings


class OrchestratorSettings(ServiceSettings):
    """Settings of the orchestrator."""

    service: ClassVar[str] = "orchestrator"

    registry_address: Address

    lease_grace_seconds: float = Field(default=5.0, ge=0.1, le=300)
    """How long the leases of an agent outlive its Work stream, so that it may come back and keep them."""

    dispatch_poll_seconds: float = Field(default=0.5, ge=0.05, le=60)
    """How often to look for waiting tasks of which no wake-up told."""

    reap_seconds: float = Field(default=0.5, ge=0.05, le=60)
    """How often to look for leases and deadlines that have run out."""

    delivery_ack_wait_seconds: float = Field(default=10.0, ge=1, le=3600)
    """How long a delivered message may stay unsettled once its receiver, or this service, is gone."""

    max_deliveries: int = Field(default=5, ge=1, le=1000)
    """After so many deliveries that failed a message goes to the dead letters."""

    message_trail_days: int = Field(default=30, ge=1, le=3650)
    """How many days the audit trail of messages goes back."""

    message_trail_payloads: bool = False
    """Whether the audit trail keeps what messages carry, beside who sent what to whom."""

    dead_letter_days: int = Field(default=30, ge=1, le=3650)
    """How many days dead letters are kept."""

    receiver_inactive_seconds: float = Field(default=300.0, ge=1, le=86400)
    """How long the broker remembers a receiver that is away; its mail is kept all the same."""

    most_delayed_messages: int = Field(default=10_000, ge=1, le=1_000_000)
    """How many messages may wait for their time of delivery to one agent."""

    settled_message_days: int = Field(default=7, ge=1, le=365)
    """For how many days a message that was settled is known, so that it is not delivered when it is sent again."""

    summarized_messages: int = Field(default=100_000_000, ge=1_000, le=1_000_000_000)
    """Of how many settled messages a replica may keep a summary in memory, so that it need not ask the database before
    each delivery. It takes 1.6 MB for each million that was settled within settled_message_days. With more, it asks."""

    nack_backoff_seconds: tuple[float, ...] = Field(default=(1.0, 5.0, 30.0, 120.0), min_length=1)
    """How long a message waits after its first, second ... refusal; the last value goes on."""
