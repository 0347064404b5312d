"""The deliveries of one stream that are not settled."""

from collections.abc import Iterator

from rookery_orchestrator.mailbox.broker import Fetched, Handle
from rookery_orchestrator.mailbox.model import Delivery


class InFlight:
    """Numbers deliveries from 1 and knows which are out.

    Mail that the broker hands out again while it is still out, as after an outage longer than its patience, is
    recognised: the agent has it already.
    """

    def __init__(self) -> None:
        self._last_id = 0
        self._out: dict[int, Handle] = {}
        self._ids: dict[int, int] = {}
        self._settling: set[int] = set()

    def __len__(self) -> int:
        return len(self._out)

    def __iter__(self) -> Iterator[Handle]:
        return iter(tuple(self._out.values()))

    def add(self, fetched: Fetched) -> Delivery | None:
        """The delivery to be sent; None: the agent has it, or has just settled it."""
        handle = fetched.handle
        if handle.sequence in self._settling:
            return None
        if (known := self._ids.get(handle.sequence)) is not None:
            self._out[known] = handle
            return None
        self._last_id += 1
        self._out[self._last_id] = handle
        self._ids[handle.sequence] = self._last_id
        return Delivery(self._last_id, fetched.mail, handle.attempt)

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

    def settled(self, handle: Handle) -> None:
        """Forgets what `begin_settling` took out: from now on the same mail is a new delivery."""
        self._settling.discard(handle.sequence)
