"""What the load generators are told, and what they answer; both travel as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Literal

PAYLOAD_BYTES = 512
Shape = Literal["batched", "single", "paced", "paced_calls", "paced_batches"]


@dataclass(frozen=True, slots=True)
class Order:
    """How to load.

    `target` is the URL of NATS or Redis, the address of AutoGen's host, or the ports of the orchestrator's replicas
    with commas between them: that of the sender comes first, and receivers are spread from the second on. `count`
    messages are sent, `a_second` of them where the shape is paced. `receivers` (id and token) share them evenly; every
    other client has one receiver.
    """

    target: str
    shape: Shape
    count: int
    a_second: int = 0
    sender: str = ""
    receivers: Sequence[Mapping[str, str]] = ()
    batches_in_flight: int = 12


@dataclass(frozen=True, slots=True)
class Result:
    """How long it took until every message was delivered and its acknowledgement certain, and the way of one."""

    count: int
    seconds: float
    p50_ms: float
    p99_ms: float


def result(count: int, seconds: float, ways: Sequence[float]) -> Result:
    """The sum of a load; `ways` are seconds from sending to delivery."""
    p99 = quantiles(ways, n=100)[98] if len(ways) > 1 else ways[0]
    return Result(count, seconds, median(ways) * 1000, p99 * 1000)
