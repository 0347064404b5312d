"""A process that receives, and acts upon each message once: what it has done it keeps where a kill does not reach."""

import asyncio
import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

from harness.history import Kind, Lane
from rookery_sdk import Agent, Message, MessageContext, serving

from chaos.journal import Journal, read_journal
from chaos.witness import WitnessedMailbox


@dataclass(frozen=True, slots=True)
class Order:
    """What a receiver is told: its name, how many seconds it takes for each message, of how many messages it refuses
    one when it sees it first (0: none), its journal, and the suite it is to find.
    """

    name: str
    pause: float
    refuse_every: int
    journal: str
    context: str


class Refused(Exception):
    """The receiver does not take this message now."""


def main(order: Order) -> None:
    """Receives until SIGTERM."""
    path = Path(order.journal)
    done = {note.message_id for _, note in read_journal(path) if note.kind is Kind.EFFECT}
    agent = Agent(order.name, context=Path(order.context), version="chaos")
    with Journal(path) as journal, patch.object(serving, "Mailbox", partial(WitnessedMailbox, journal=journal)):

        @agent.message
        async def act(_context: MessageContext, message: Message) -> None:
            lane, number = Lane(*message.payload["lane"]), int(message.payload["number"])
            if order.pause:
                await _work(order.pause)
            if order.refuse_every and message.attempt == 1 and UUID(message.id).int % order.refuse_every == 0:
                journal.note(Kind.NACKED, message.id, lane, number, message.attempt)
                raise Refused
            if message.id not in done:
                journal.note(Kind.EFFECT, message.id, lane, number)
                done.add(message.id)

        agent.run()


async def _work(seconds: float) -> None:
    await asyncio.wait({asyncio.create_task(asyncio.Event().wait())}, timeout=seconds)


if __name__ == "__main__":
    main(Order(**json.loads(sys.argv[1])))
