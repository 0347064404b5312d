"""How mail is delivered, in numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """The rules of delivery; durations in seconds.

    `ack_wait`: how long a delivery stays unsettled once its receiver, or this process, is gone. `max_deliveries`: after
    so many a message goes to the dead letters. `receiver_inactive`: how long the broker remembers the attempts and
    delays of an agent that is away. `nack_backoff`: the delays after the first, second ... refusal; the last goes on.
    `max_in_flight`: how many unsettled deliveries a stream may have, whatever its credits.
    """

    ack_wait: float = 10.0
    max_deliveries: int = 5
    receiver_inactive: float = 300.0
    nack_backoff: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0)
    max_in_flight: int = 10_000

    def backoff(self, attempt: int) -> float:
        """The delay after the refusal of the given attempt."""
        return self.nack_backoff[min(attempt, len(self.nack_backoff)) - 1]
