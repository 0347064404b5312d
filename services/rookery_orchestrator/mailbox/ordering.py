"""Which priority is delivered next: the highest that has mail, and by ageing the others, so that none is starved."""

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence, Set
from typing import TypeVar

from rookery_orchestrator.mailbox.model import Priority

T = TypeVar("T")
AGEING = 8
"""After it has been passed over so often, a priority with mail waiting comes before the higher ones."""


class DeliveryOrder:
    """The order of one stream's deliveries.

    While a priority has mail, it gets at least one delivery in AGEING + 2: it is passed over AGEING times, and at most
    once more when both lower priorities have come of age together. It may get it earlier: a delivery that was planned
    for it is made also when the higher ones turn out to have less mail than was planned for.
    """

    def __init__(self) -> None:
        self._passed = dict.fromkeys(Priority, 0)

    def plan(self, count: int, ready: Collection[Priority]) -> dict[Priority, int]:
        """How many of the next `count` deliveries fall to each priority, if all that are `ready` have mail enough."""
        candidates = [priority for priority in Priority if priority in ready]
        if len(candidates) <= 1:
            return dict.fromkeys(candidates, count)
        passed = dict(self._passed)
        return Counter(_advance(passed, _next(passed, candidates), candidates) for _ in range(count))

    def arrange(self, mail: Mapping[Priority, Sequence[T]], ready: Set[Priority]) -> list[T]:
        """All of the mail in the order of delivery, which is noted; `ready` priorities have more that waits."""
        kinds = [priority for priority, several in mail.items() if several]
        if len(kinds) == 1 and ready <= {kinds[0]}:
            # As it mostly is: nothing else waits, so nothing is passed over.
            self._passed = dict.fromkeys(Priority, 0)
            return list(mail[kinds[0]])
        waiting = {priority: deque(mail[priority]) for priority in Priority if mail.get(priority)}
        arranged: list[T] = []
        while waiting:
            priority = _next(self._passed, list(waiting))
            arranged.append(waiting[priority].popleft())
            _advance(self._passed, priority, waiting.keys() | ready)
            if not waiting[priority]:
                del waiting[priority]
        return arranged


def _next(passed: dict[Priority, int], candidates: list[Priority]) -> Priority:
    """The one to be served out of the candidates, which come in the order of urgency."""
    oldest = max(candidates, key=passed.__getitem__)
    return oldest if passed[oldest] >= AGEING else candidates[0]


def _advance(passed: dict[Priority, int], served: Priority, waiting: Collection[Priority]) -> Priority:
    """Notes that one was served and that those below it were passed over, if they have mail."""
    below = False
    for priority in passed:
        if priority is served:
            passed[priority] = 0
            below = True
        elif priority not in waiting:
            passed[priority] = 0
        elif below:
            passed[priority] += 1
    return served
