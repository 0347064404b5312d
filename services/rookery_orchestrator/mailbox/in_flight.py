"""The deliveries of one stream that are not settled."""

from collections.abc import Iterable, Iterator

from rookery_orchestrator.mailbox.broker import Fetched, Handle
from rookery_orchestrator.mailbox.model import Delivery


class InFlight:
    """Numbers deliveries from 1 and knows which are out.

    Mail that the broker hands out again while it is still out, as after an outage longer than its patience, is
    recognised: the agent has it already.
    """

    def __init__(self) -> None:
        self._alone: int | None = None
        self._last_id = 0
        self._out: dict[int, Handle] = {}
        self._ids: dict[int, int] = {}
        self._settling: set[int] = set()

    def __len__(self) -> int:
        return len(self._out)

    def __iter__(self) -> Iterator[Handle]:
        return iter(tuple(self._out.values()))

    def knows(self, handle: Handle) -> bool:
        """Whether the agent has this mail already, or has just settled it. What is out goes by the new handle then."""
        if handle.sequence in self._settling:
            return True
        delivery_id = self._ids.get(handle.sequence)
        if delivery_id is None:
            return False
        self._out[delivery_id] = handle
        return True

    def add_alone(self, fetched: Fetched) -> Delivery:
        """As `add`, for mail that is delivered while there is nothing else out."""
        delivery = self.add(fetched)
        self._alone = delivery.delivery_id
        return delivery

    def suspect(self) -> Handle | None:
        """The mail to which a loss of the receiver at this moment is put down: it is alone, or began so."""
        if self._alone in self._out:
            return self._out[self._alone]
        return next(iter(self._out.values())) if len(self._out) == 1 else None

    def add(self, fetched: Fetched) -> Delivery:
        """Numbers mail that is to be delivered."""
        self._last_id += 1
        self._out[self._last_id] = fetched.handle
        self._ids[fetched.handle.sequence] = self._last_id
        return Delivery(self._last_id, fetched.mail, fetched.size, fetched.handle.attempt)

    def find(self, delivery_id: int) -> Handle | None:
        """What is out under an id."""
        return self._out.get(delivery_id)

    def begin_settling(self, delivery_id: int) -> Handle | None:
        """Takes a delivery out to be settled; None: it is not out."""
        handle = self._out.pop(delivery_id, None)
        if handle is not None:
            del self._ids[handle.sequence]
            self._settling.add(handle.sequence)
        return handle

    def settled(self, places: Iterable[int]) -> None:
        """Forgets what `begin_settling` took out: from now on the same mail is a new delivery."""
        self._settling.difference_update(places)
