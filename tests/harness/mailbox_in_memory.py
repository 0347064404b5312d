"""A mailbox in memory behind the receiver, and an agent on its stream."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Set
from contextlib import asynccontextmanager

from rookery_kit.bus import BusUnavailable
from rookery_orchestrator.mailbox.broker import Fetched, Handle, Verdict
from rookery_orchestrator.mailbox.frames import (
    Deliveries,
    FromAgent,
    GrantCredits,
    Opened,
    SettleDeliveries,
    ToAgent,
)
from rookery_orchestrator.mailbox.model import DeadReason, Delivery, Failure, Priority, Settlement
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.mailbox.receiver import Receiver
from rookery_orchestrator.session_errors import SessionSuperseded

NORMAL = Priority.NORMAL


def piece(sequence: int, *, attempt: int = 1, size: int = 1, readable: bool = True) -> Fetched:
    """A piece of mail."""
    return Fetched(Handle(sequence, NORMAL, attempt, f"token-{sequence}-{attempt}"), b"m" if readable else None, size)


class MailboxInMemory:
    """Mail of one priority in a list; what is done with it is noted."""

    def __init__(self, *mail: Fetched) -> None:
        self.mail = list(mail)
        self.verdicts: list[Verdict] = []
        self.buried: list[tuple[int, DeadReason, str, int]] = []
        self.noted: list[tuple[int, Failure]] = []
        self.failed_before: dict[int, int] = {}
        self.returned: list[int] = []
        self.extended: list[int] = []
        self.superseded = asyncio.Event()
        self.outages = 0
        self.settling = asyncio.Event()
        self.may_settle = asyncio.Event()
        self.may_settle.set()
        self._arrived = asyncio.Event()

    def put(self, *mail: Fetched) -> None:
        """More mail arrives."""
        self.mail.extend(mail)
        self._arrived.set()

    @property
    def ready(self) -> Set[Priority]:
        """The one priority, while it has mail."""
        return {NORMAL} if self.mail else set()

    async def until_ready(self, room: int) -> None:
        """Waits for mail."""
        while not self.mail:
            self._arrived.clear()
            await self._arrived.wait()

    async def pull(self, counts: Mapping[Priority, int]) -> dict[Priority, list[Fetched]]:
        """Takes from the front; raises as often as there are `outages`."""
        if self.outages:
            self.outages -= 1
            raise BusUnavailable("away")
        taken = self.mail[: counts[NORMAL]]
        self.mail = self.mail[counts[NORMAL] :]
        return {NORMAL: taken}

    async def settle(self, verdicts: Sequence[Verdict]) -> list[bool]:
        """Notes the verdicts, as soon as it may; the mail of place 404 is forgotten."""
        self.settling.set()
        await self.may_settle.wait()
        self.verdicts += verdicts
        return [verdict.handle.sequence != 404 for verdict in verdicts]

    async def extend(self, handles: Iterable[Handle]) -> None:
        """Notes what is extended."""
        self.extended += [handle.sequence for handle in handles]

    async def note(self, handle: Handle, failure: Failure) -> int:
        """Notes what has failed: as often as it was delivered, unless `failed_before` says otherwise."""
        self.noted.append((handle.sequence, failure))
        return self.failed_before.get(handle.sequence, handle.attempt - 1) + 1

    async def failures(self, handle: Handle) -> int:
        """Once less than it was delivered, unless `failed_before` says otherwise."""
        return self.failed_before.get(handle.sequence, handle.attempt - 1)

    async def bury(self, handle: Handle, reason: DeadReason, detail: str, attempts: int) -> bool:
        """Notes what is buried."""
        self.buried.append((handle.sequence, reason, detail, attempts))
        return True

    async def until_superseded(self) -> None:
        """Waits until the test says so."""
        await self.superseded.wait()
        raise SessionSuperseded

    async def close(self, unsettled: Iterable[Handle]) -> None:
        """Notes what is returned."""
        self.returned += [handle.sequence for handle in unsettled]


class Stream:
    """A Receive stream of which the test plays the agent."""

    def __init__(self, mailbox: MailboxInMemory, policy: DeliveryPolicy) -> None:
        self._incoming: asyncio.Queue[FromAgent | None] = asyncio.Queue()
        self.frames = Receiver(mailbox, policy).run(self._read())

    async def _read(self) -> AsyncIterator[FromAgent]:
        while (frame := await self._incoming.get()) is not None:
            yield frame

    def send(self, frame: FromAgent | None) -> None:
        """Sends a frame; None ends the stream."""
        self._incoming.put_nowait(frame)

    def settle(self, *settlements: Settlement) -> None:
        """Settles deliveries."""
        self.send(SettleDeliveries(settlements))

    async def next(self) -> ToAgent:
        """The next frame."""
        return await asyncio.wait_for(anext(self.frames), 5)

    async def deliveries(self) -> tuple[Delivery, ...]:
        """The deliveries of the next frame, which must bring some."""
        frame = await self.next()
        assert isinstance(frame, Deliveries)
        return frame.deliveries


@asynccontextmanager
async def stream(
    mailbox: MailboxInMemory, *, grant: int = 0, policy: DeliveryPolicy | None = None
) -> AsyncIterator[Stream]:
    """An opened stream with so many credits."""
    opened = Stream(mailbox, policy or DeliveryPolicy())
    assert isinstance(await opened.next(), Opened)
    if grant:
        opened.send(GrantCredits(grant))
    yield opened
    await opened.frames.aclose()
