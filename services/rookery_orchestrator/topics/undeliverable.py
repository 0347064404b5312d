"""Copies that a mailbox took none of for too long: they become dead letters, so that nothing is lost in silence."""

from uuid import UUID, uuid5

from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import dead_letter_subject
from rookery_kit.clock import Clock

from rookery_orchestrator.mailbox.model import DeadReason, Message
from rookery_orchestrator.mailbox.wire import dead_letter, seal

_IDS = UUID("9a0d7f0c-5b4e-4f0e-8c53-3d1f0b7a2e64")


class Undeliverable:
    """Writes the dead letter of a copy that was never delivered; for the same copy, once."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock

    async def bury(self, tenant: str, copy: Message, detail: str) -> None:
        """Answers once the dead letter is durable. Raises BusUnavailable or StreamFull."""
        recipient = copy.recipient_agent_id
        letter = dead_letter(seal(copy), recipient, DeadReason.MAILBOX_FULL, detail, 0)
        letter.id = str(uuid5(_IDS, f"{tenant}/{copy.sender}/{copy.id}"))
        letter.create_time.FromDatetime(self._clock.now())
        subject = dead_letter_subject(tenant, recipient)
        await self._bus.publish(subject, letter.SerializeToString(), message_id=letter.id)
