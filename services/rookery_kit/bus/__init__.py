"""The bus: NATS JetStream, with an outbox before it and an inbox behind it."""

from rookery_kit.bus.atomic_batch import Publication
from rookery_kit.bus.connection import Bus
from rookery_kit.bus.consumer import Event, EventConsumer
from rookery_kit.bus.durable import Durable
from rookery_kit.bus.outbox import OutboxRelay, OutgoingEvent, append, append_all
from rookery_kit.bus.refusals import BatchAbandoned, BusUnavailable, DuplicateInBatch, PayloadTooLarge, StreamFull

__all__ = [
    "BatchAbandoned",
    "Bus",
    "BusUnavailable",
    "DuplicateInBatch",
    "Durable",
    "Event",
    "EventConsumer",
    "OutboxRelay",
    "OutgoingEvent",
    "PayloadTooLarge",
    "Publication",
    "StreamFull",
    "append",
    "append_all",
]
