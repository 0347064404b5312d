"""A process that sends: in each of its lanes one message after the other, each under its id until it is accepted."""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from harness.history import Kind, Lane
from rookery_sdk import Client, SuiteContext
from rookery_sdk.messages import PriorityName

from chaos.journal import Journal, read_journal

PRIORITIES: tuple[PriorityName, ...] = ("high", "normal", "low")
_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a sender is told: its name, the names and ids of those it writes to, and its pause between messages, in
    seconds.
    """

    name: str
    recipients: dict[str, str]
    pause: float
    journal: str
    context: str


class Sender:
    """Goes on where the process before it was killed: a message without an acknowledgement is sent again."""

    def __init__(self, order: Order, client: Client, journal: Journal, stop: asyncio.Event) -> None:
        self._order = order
        self._client = client
        self._journal = journal
        self._stop = stop
        self._next: dict[Lane, int] = {}
        for _, note in read_journal(Path(order.journal)):
            if note.kind is Kind.ACCEPTED:
                self._next[note.lane] = max(self._next.get(note.lane, 0), note.number + 1)

    async def run(self) -> None:
        """Sends until told to stop; what is under way is brought to its end."""
        async with asyncio.TaskGroup() as lanes:
            for recipient in self._order.recipients:
                for priority in PRIORITIES:
                    lanes.create_task(self._send_all(Lane(self._order.name, recipient, priority), priority))

    async def _send_all(self, lane: Lane, priority: PriorityName) -> None:
        number = self._next.get(lane, 1)
        while not self._stop.is_set():
            message_id = str(uuid5(NAMESPACE_OID, "/".join((*lane, str(number)))))
            self._journal.note(Kind.SENDING, message_id, lane, number)
            await self._client.send(
                self._order.recipients[lane.recipient],
                {"lane": lane, "number": number},
                priority=priority,
                message_id=message_id,
            )
            self._journal.note(Kind.ACCEPTED, message_id, lane, number)
            number += 1
            try:
                await asyncio.wait_for(self._stop.wait(), self._order.pause)
            except TimeoutError:
                continue


async def main(order: Order) -> None:
    """Sends until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Client(SuiteContext.read(Path(order.context)), patience=_PATIENCE) as client:
        with Journal(Path(order.journal)) as journal:
            await Sender(order, client, journal, stop).run()


if __name__ == "__main__":
    asyncio.run(main(Order(**json.loads(sys.argv[1]))))
