"""What looks after messages once they are sent: mailboxes as they stand, dead letters, the audit trail."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from rookery_kit.bus import Bus, EventConsumer
from rookery_kit.clock import Clock
from rookery_kit.postgres import Database, load_queries

from rookery_orchestrator.dead_letters.arrival import DEAD_LETTERS, STREAM, DeadLetterArrival
from rookery_orchestrator.dead_letters.handling import ReadDeadLetters, SettleDeadLetters
from rookery_orchestrator.dead_letters.requeuer import Requeuer
from rookery_orchestrator.directory import AgentDirectory
from rookery_orchestrator.mailbox.composition import MailboxParts
from rookery_orchestrator.mailbox.tending import TendMailbox
from rookery_orchestrator.postgres.dead_letters import PostgresDeadLetterStore
from rookery_orchestrator.postgres.messages import PostgresTrailStore
from rookery_orchestrator.trail.keeper import TrailKeeper
from rookery_orchestrator.trail.listing import ListMessages
from rookery_orchestrator.trail.retention import Retention


@dataclass(frozen=True, slots=True)
class UpkeepParts:
    """The use cases, and the loops that run beside them."""

    tend_mailbox: TendMailbox
    list_messages: ListMessages
    read_dead_letters: ReadDeadLetters
    settle_dead_letters: SettleDeadLetters
    background: tuple[Callable[[], Coroutine[Any, Any, None]], ...]


def compose_upkeep(
    *,
    database: Database,
    bus: Bus,
    clock: Clock,
    directory: AgentDirectory,
    mailbox: MailboxParts,
    trail_days: int,
    dead_letter_days: int,
) -> UpkeepParts:
    """Builds it beside the mailboxes."""
    dead_letters = PostgresDeadLetterStore(database, load_queries("rookery_orchestrator.dead_letters"))
    trail = PostgresTrailStore(database, load_queries("rookery_orchestrator.trail"))
    requeuer = Requeuer(dead_letters, bus)
    arrival = EventConsumer(
        bus,
        database,
        durable="orchestrator-dead-letters",
        filter_subject=DEAD_LETTERS,
        handle=DeadLetterArrival(dead_letters).handle,
        stream=STREAM,
    )
    retention = Retention(trail, dead_letters, clock, trail_days=trail_days, dead_letter_days=dead_letter_days)
    return UpkeepParts(
        tend_mailbox=TendMailbox(
            mailbox.stored, mailbox.presence, mailbox.outcomes, directory, dead_letters.count, mailbox.delayed.cancel
        ),
        list_messages=ListMessages(trail),
        read_dead_letters=ReadDeadLetters(dead_letters),
        settle_dead_letters=SettleDeadLetters(dead_letters, database.after_commit, requeuer.wake),
        background=(arrival.run, requeuer.run, TrailKeeper(bus, trail, mailbox.eraser).run, retention.run),
    )
