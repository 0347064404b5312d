"""Mail that has been delivered as often as is allowed without having failed so often."""

from collections import deque
from collections.abc import Iterator

from rookery_orchestrator.mailbox.broker import Fetched, Handle


class Quarantine:
    """Holds such mail until it is delivered alone.

    Its receivers were lost with it, and with other mail, so nobody knows which of all that ended them. Delivered alone,
    it either is settled or is what ends its receiver.
    """

    def __init__(self) -> None:
        self._held: deque[Fetched] = deque()

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Handle]:
        return iter([mail.handle for mail in self._held])

    def hold(self, mail: Fetched) -> None:
        """Takes mail in; what is held already, and was handed out again, goes by its new handle."""
        for index, held in enumerate(self._held):
            if held.handle.sequence == mail.handle.sequence:
                self._held[index] = mail
                return
        self._held.append(mail)

    @property
    def first(self) -> Fetched:
        """The mail whose turn it is."""
        return self._held[0]

    def release(self) -> Fetched:
        """Lets the first one go."""
        return self._held.popleft()
