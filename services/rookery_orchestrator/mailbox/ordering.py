"""Which priority is delivered next: the highest that has mail, and by ageing the others, so that none is starved."""

from collections.abc import Collection, Iterable

from rookery_orchestrator.mailbox.model import Priority

AGEING = 8
"""After it has been passed over so often, a priority with mail waiting comes before the higher ones."""


class DeliveryOrder:
    """The order of one stream's deliveries.

    While a priority has mail, it gets at least one delivery in AGEING + 2: it is passed over AGEING times, and at most
    once more when both lower priorities have come of age together.
    """

    def __init__(self) -> None:
        self._passed = dict.fromkeys(Priority, 0)

    def plan(self, count: int, ready: Collection[Priority]) -> list[Priority]:
        """The priorities of the next `count` deliveries, if all those that are `ready` have mail enough."""
        passed = dict(self._passed)
        return [_advance(passed, _next(passed, ready), ready) for _ in range(count)] if ready else []

    def delivered(self, priorities: Iterable[Priority], ready: Collection[Priority]) -> None:
        """Notes what was delivered, in that order, while the `ready` ones were waiting."""
        for priority in priorities:
            _advance(self._passed, priority, ready)


def _next(passed: dict[Priority, int], ready: Collection[Priority]) -> Priority:
    candidates = [priority for priority in Priority if priority in ready]
    oldest = max(candidates, key=passed.__getitem__)
    return oldest if passed[oldest] >= AGEING else candidates[0]


def _advance(passed: dict[Priority, int], served: Priority, ready: Collection[Priority]) -> Priority:
    lower = False
    for priority in passed:
        if priority is served:
            passed[priority] = 0
            lower = True
        elif priority not in ready:
            passed[priority] = 0
        elif lower:
            passed[priority] += 1
    return served
