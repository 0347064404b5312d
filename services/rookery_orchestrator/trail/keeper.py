"""Takes down what the bus brings for the audit trail, many messages in one commit."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import date

import structlog
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from rookery.events.v1 import mail_pb2
from rookery.orchestrator.v1 import mailbox_pb2, message_pb2
from rookery_kit.bus import Bus, Durable
from rookery_kit.bus.subjects import trail_subject
from rookery_kit.errors import RookeryError
from rookery_kit.timestamps import moment_of

from rookery_orchestrator.mailbox.erasing import Eraser
from rookery_orchestrator.mailbox.model import MessageState
from rookery_orchestrator.mailbox.settled_inbox import message_key
from rookery_orchestrator.mailbox.wire import expire_time_of, priority_of
from rookery_orchestrator.trail.answers import Answer, AnswerTaking
from rookery_orchestrator.trail.model import UUID_TEXT, EndEntry, SentAgain, SentEntry
from rookery_orchestrator.trail.store import TrailStore

_BATCH = 128
_ENTRIES = Durable("MAIL", "trail", trail_subject("*", "*"), _BATCH)
_GATHERING_SECONDS = 0.2
_RETRY_SECONDS = 0.5
_MOST_TRIES = 5
_STATES = {
    wire: MessageState(name.removeprefix("MESSAGE_STATE_"))
    for name, wire in mailbox_pb2.MessageState.items()
    if wire != mailbox_pb2.MESSAGE_STATE_UNSPECIFIED
}
_log = structlog.get_logger(__name__)

Entry = SentEntry | SentAgain | EndEntry


class TrailKeeper:
    """Every replica runs one; they share the work.

    What was sent and what became of it are in the stream in this order, and can still be taken down in another, by two
    replicas: an end whose message is not known yet is tried again a few times, and so is an answer to a request.
    """

    def __init__(self, bus: Bus, store: TrailStore, eraser: Eraser) -> None:
        self._bus = bus
        self._store = store
        self._eraser = eraser
        self._answers = AnswerTaking(store)
        self._days: set[date] = set()

    async def run(self) -> None:
        """Takes down until cancelled. Outages of the database and the bus are waited out."""
        await _ENTRIES.read(self._bus, self._take_and_gather)

    async def _take_and_gather(self, messages: Sequence[Msg]) -> None:
        await self._take(messages)
        if len(messages) < _BATCH:
            # Nobody waits for the trail: what comes meanwhile shares the next commit.
            await asyncio.sleep(_GATHERING_SECONDS)

    async def _take(self, messages: Sequence[Msg]) -> None:
        read = [(message, _read(message)) for message in messages]
        try:
            again = await self._append(read)
        except RookeryError:
            for message in messages:
                await message.nak(delay=_RETRY_SECONDS)
            raise
        taken: list[Msg] = []
        for message, entries in read:
            tries = message.metadata.num_delivered
            if not again or again.isdisjoint(entries) or tries >= _MOST_TRIES:
                taken.append(message)
            else:
                await message.nak(delay=_RETRY_SECONDS * tries)
        await self._remove(taken)

    async def _remove(self, messages: Sequence[Msg]) -> None:
        """What cannot be removed comes again, and changes nothing then."""
        if self._eraser.is_cheaper:
            await self._eraser.erase([message.metadata.sequence.stream for message in messages])
        else:
            for message in messages:
                await message.ack()

    async def _append(self, read: Iterable[tuple[Msg, Sequence[Entry]]]) -> Set[Entry]:
        """Takes entries down, and gives back those that are to be tried again."""
        sent: list[SentEntry] = []
        ended: list[EndEntry] = []
        sent_again: list[SentEntry] = []
        answers: list[Answer] = []
        for message, entries in read:
            for entry in entries:
                if isinstance(entry, EndEntry):
                    ended.append(entry)
                elif isinstance(entry, SentAgain):
                    sent_again.append(entry.entry)
                elif entry.recipient_agent_id is None:
                    answers.append(Answer(entry, message.metadata.num_delivered))
                else:
                    sent.append(entry)
        all_sent = (*sent, *sent_again, *(answer.entry for answer in answers))
        days = {entry.create_time.date() for entry in all_sent} - self._days
        if days:
            await self._store.ensure_days(days)
            self._days |= days
        again: set[Entry] = set(await self._store.append(sent, ended))
        if sent_again:
            await self._store.append_missing(sent_again)
        if answers:
            again |= await self._answers.append(answers)
        return again


def _read(message: Msg) -> list[Entry]:
    tenant = message.subject.split(".")[1]
    try:
        trail = mail_pb2.Trail.FromString(message.data)
        again = map(SentAgain, _sent(tenant, trail.sent_again))
        return [*_sent(tenant, trail.sent), *again, *_ended(tenant, trail.outcomes)]
    except (DecodeError, ValueError, LookupError, OverflowError):
        _log.error("not for the audit trail", subject=message.subject)
        return []


def _uuid(text: str) -> str:
    """The text itself. Raises ValueError for what the database would refuse, and with it all that comes in between."""
    if UUID_TEXT.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a UUID")
    return text


def _sent(tenant: str, messages: Iterable[message_pb2.Message]) -> Iterator[SentEntry]:
    for message in messages:
        yield SentEntry(
            tenant=tenant,
            create_time=moment_of(message.create_time),
            id=_uuid(message.id),
            sender=message.sender,
            # Who gives an answer is not told who asked.
            recipient_agent_id=None if _is_answer(message) else _uuid(message.recipient_agent_id),
            priority=priority_of(message).value,
            type=message.type,
            correlation_id=message.correlation_id,
            expire_time=expire_time_of(message),
            envelope=message.SerializeToString(),
            key=message_key(tenant, message.sender, message.id),
            reply_address=_uuid(message.reply_address) if message.reply_address else None,
        )


def _is_answer(message: message_pb2.Message) -> bool:
    return bool(message.reply_address) and not message.recipient_agent_id


def _ended(tenant: str, outcomes: Iterable[mail_pb2.MessageOutcome]) -> Iterator[EndEntry]:
    for outcome in outcomes:
        yield EndEntry(
            tenant=tenant,
            create_time=moment_of(outcome.create_time),
            id=_uuid(outcome.id),
            sender=outcome.sender,
            state=_STATES[outcome.state],
            end_time=moment_of(outcome.end_time),
            delivery=outcome.delivery,
        )
