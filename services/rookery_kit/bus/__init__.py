"""The bus: NATS JetStream, with an outbox before it and an inbox behind it."""

from rookery_kit.bus.connection import Bus, BusUnavailable
from rookery_kit.bus.consumer import Event, EventConsumer
from rookery_kit.bus.outbox import OutboxRelay, OutgoingEvent, append, append_all

__all__ = ["Bus", "BusUnavailable", "Event", "EventConsumer", "OutboxRelay", "OutgoingEvent", "append", "append_all"]
