"""How mail is delivered, in numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """The rules of delivery; durations in seconds.

    `ack_wait`: how long a delivery stays unsettled once its receiver, or this process, is gone. `max_deliveries`: after
    so many that failed a message goes to the dead letters. One that was refused failed; one that was lost with its
    receiver failed if it was the only one that the receiver had. A message that was delivered so often and has not
    failed so often is delivered alone: for at most `alone` the others wait for it, and it for them.
    `receiver_inactive`: how long the broker remembers the attempts and delays of an agent that is away. `nack_backoff`:
    the delays after the first, second ... refusal; the last goes on. `max_in_flight`: how many unsettled deliveries a
    stream may have, whatever its credits. `trail_payloads`: whether the audit trail keeps payloads, too.
    `most_delayed`: how many messages may wait for their time of delivery to one agent. `consumers_in_memory`: whether
    the broker keeps in memory what it knows of deliveries; in a cluster it shall not. `settled_days`: for how long a
    message is known once it was settled. `summarized`: of how many settled messages the summary in memory tells;
    `summary_age`: how far that may be behind, and how long a mailbox is held before it is believed.
    """

    ack_wait: float = 10.0
    max_deliveries: int = 5
    receiver_inactive: float = 300.0
    nack_backoff: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0)
    max_in_flight: int = 10_000
    alone: float = 30.0
    trail_payloads: bool = False
    most_delayed: int = 10_000
    consumers_in_memory: bool = True
    settled_days: int = 7
    summarized: int = 100_000_000
    summary_age: float = 3.0

    def backoff(self, attempt: int) -> float:
        """The delay after the refusal of the given attempt."""
        return self.nack_backoff[min(attempt, len(self.nack_backoff)) - 1]
