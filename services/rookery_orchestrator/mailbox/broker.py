"""What the mailbox asks of the broker that keeps the mail."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence, Set
from datetime import UTC, datetime
from enum import Enum, auto
from typing import NamedTuple, Protocol

from rookery_kit.errors import RookeryError

from rookery_orchestrator.mailbox.model import DeadReason, Envelope, Failure, Message, Priority, ReceivingSession

Posted = bool | RookeryError
"""True: its sender had sent this id before. An error: it was not stored, or nobody knows whether."""


class Handle(NamedTuple):
    """Names mail that was handed out and is not settled. `sequence` stays the same when it is handed out again.

    `stored_ns` is when the mail was stored, since the epoch; `envelope` is None for what is no mail; `delivery` counts
    what the broker has handed out of this priority, from 1.
    """

    sequence: int
    priority: Priority
    attempt: int
    token: str
    stored_ns: int = 0
    envelope: Envelope | None = None
    delivery: int = 0

    @property
    def store_time(self) -> datetime:
        """When the mail was stored."""
        return datetime.fromtimestamp(self.stored_ns / 1e9, UTC)


class Fetched(NamedTuple):
    """Mail that was handed out, of so many bytes. `mail` None: it is none, and no agent could make anything of it."""

    handle: Handle
    mail: object | None
    size: int


class Settling(Enum):
    """What the broker does with mail that was handed out."""

    REMOVE = auto()
    RETURN = auto()
    EXTEND = auto()
    GIVE_UP = auto()


class Verdict(NamedTuple):
    """What is to become of one piece of mail; `delay`, in seconds, goes with RETURN."""

    handle: Handle
    settling: Settling
    delay: float = 0.0


class OpenedMailbox(Protocol):
    """The mailbox of one agent, held by one stream. Outages are waited out where no Unavailable is raised."""

    @property
    def ready(self) -> Set[Priority]:
        """The priorities that may have mail."""
        ...

    async def until_ready(self, room: int) -> None:
        """Waits until `ready` names one, with room for so much mail. Raises Unavailable."""
        ...

    async def pull(self, counts: Mapping[Priority, int]) -> dict[Priority, list[Fetched]]:
        """Takes out at most so many pieces of mail of each priority, in their order.

        A priority that has no more is not `ready` until there is mail again. Raises Unavailable.
        """
        ...

    async def settle(self, verdicts: Sequence[Verdict]) -> list[bool]:
        """Carries the verdicts out and answers when that is certain. False: the broker knows nothing of that handle."""
        ...

    async def extend(self, handles: Iterable[Handle]) -> None:
        """Keeps mail from being handed out again for another `ack_wait`. What does not get through is not repeated."""
        ...

    async def note(self, handle: Handle, failure: Failure) -> int:
        """Adds to the history of mail that its delivery failed, durably, and answers how often it has failed now."""
        ...

    async def failures(self, handle: Handle) -> int:
        """How often mail has failed, as far as was noted. Raises Unavailable."""
        ...

    async def bury(self, handle: Handle, reason: DeadReason, detail: str, attempts: int) -> bool:
        """Moves mail to the dead letters, once, and answers when that is certain. False: it was settled already."""
        ...

    async def until_superseded(self) -> None:
        """Waits until another stream holds the mailbox. Raises SessionSuperseded then."""
        ...

    async def close(self, unsettled: Iterable[Handle]) -> None:
        """Gives the mailbox up and returns what is unsettled at once, as far as the broker can be reached."""
        ...


class MailBroker(Protocol):
    """Keeps mail until it is settled."""

    async def put(self, tenant: str, message: Message) -> bool:
        """Stores a message and answers when it is durable: True when its sender had sent this id before.

        Raises Unavailable, or ResourceExhausted when there is no room.
        """
        ...

    def put_all(self, tenant: str, messages: Sequence[Message]) -> "Awaitable[Sequence[Posted]]":
        """Stores messages in their order, each with a result of its own, in order; they have their place at once.

        Where many come at the same time, from wherever, they share the sync.
        """
        ...

    async def open(self, tenant: str, agent_id: str, session: ReceivingSession) -> OpenedMailbox:
        """Takes the mailbox over from whichever stream held it, here or on another replica.

        Raises SessionSuperseded when that one's session is later, or Unavailable.
        """
        ...
