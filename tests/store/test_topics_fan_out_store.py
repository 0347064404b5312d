"""Messages to many, kept until each recipient has its copy."""

from collections import defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

import pytest
from harness.databases import OpenDatabase
from harness.eventually import eventually
from rookery_kit.bus import BusUnavailable
from rookery_kit.errors import ResourceExhausted, RookeryError
from rookery_kit.postgres import Database, load_queries
from rookery_orchestrator.mailbox.model import Message, Priority
from rookery_orchestrator.mailbox.wire import seal, unseal_message
from rookery_orchestrator.model import Payload
from rookery_orchestrator.postgres import PostgresFanOutStore
from rookery_orchestrator.topics.fan_out import FanOutRelay
from rookery_orchestrator.topics.model import Accepted, FanOut

pytestmark = pytest.mark.capability("M4")
ONE, OTHER = str(uuid4()), str(uuid4())


class NoRoom(ResourceExhausted):
    """The mailbox is full."""


@dataclass
class Mailboxes:
    """Mailboxes in memory; some take nothing, and for a while none does."""

    full: set[str] = field(default_factory=set)
    away: bool = False
    mail: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    buried: list[tuple[str, str]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def put_all(self, _tenant: str, messages: Sequence[Message]) -> Awaitable[Sequence[bool | RookeryError]]:
        return self._put_all(messages)

    async def _put_all(self, messages: Sequence[Message]) -> Sequence[bool | RookeryError]:
        return [self._put(message) for message in messages]

    def _put(self, message: Message) -> bool | RookeryError:
        recipient = message.recipient_agent_id
        if self.away:
            return BusUnavailable("away")
        if recipient in self.full:
            return NoRoom("full")
        if message.id in self.ids:
            return True
        self.ids.add(message.id)
        self.mail[recipient].append(message.payload.data.decode())
        return False

    async def bury(self, _tenant: str, copy: Message, _detail: str) -> None:
        self.buried.append((copy.recipient_agent_id, copy.payload.data.decode()))


class NoLog:
    """Nobody watches."""

    async def append(self, _fan_out: FanOut) -> None: ...

    def read(self, *_: object) -> object:
        raise NotImplementedError


def message_to(*recipients: str, text: str, sender: str = "user:admin") -> FanOut:
    message_id = str(uuid4())
    message = Message(
        id=message_id,
        sender=sender,
        recipient_agent_id="",
        priority=Priority.NORMAL,
        type="",
        payload=Payload("text/plain", text.encode()),
        correlation_id="",
        reply_to_agent_id="",
        create_time=datetime.now(UTC),
        traceparent="",
        publication_id=message_id,
    )
    fan_out_id = str(uuid5(UUID(message_id), sender))
    return FanOut(0, fan_out_id, "default", sender, "", seal(message), recipients)


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("orchestrator")


@pytest.fixture
def store(database: Database) -> PostgresFanOutStore:
    return PostgresFanOutStore(database, load_queries("rookery_orchestrator.topics"))


@pytest.fixture
def mailboxes() -> Mailboxes:
    return Mailboxes()


def relay_of(store: PostgresFanOutStore, mailboxes: Mailboxes, most_offers: int = 64) -> FanOutRelay:
    return FanOutRelay(store, mailboxes, NoLog(), mailboxes, unseal_message, most_offers)  # type: ignore[arg-type]


async def test_a_full_mailbox_delays_its_own_copies_alone_and_keeps_their_order(
    store: PostgresFanOutStore, mailboxes: Mailboxes
) -> None:
    relay = relay_of(store, mailboxes)
    mailboxes.full = {ONE}
    accepted = [await store.broadcast(message_to(ONE, OTHER, text=str(number))) for number in range(3)]
    assert await relay.carry_once() == 3
    assert (mailboxes.mail[ONE], mailboxes.mail[OTHER]) == ([], ["0", "1", "2"])
    assert await store.pending([each.place for each in accepted]) == {each.place: 1 for each in accepted}
    mailboxes.full = set()
    late = await store.broadcast(message_to(ONE, text="3"))
    from_another = await store.broadcast(message_to(ONE, text="from another", sender="user:bob"))

    async def all_there() -> bool:
        await relay.carry_once()
        return len(mailboxes.mail[ONE]) == 5

    await eventually(all_there)
    assert [text for text in mailboxes.mail[ONE] if text != "from another"] == ["0", "1", "2", "3"]
    assert mailboxes.mail[ONE][0] == "from another"
    assert await store.pending([late.place, from_another.place]) == {late.place: 0, from_another.place: 0}


async def test_a_copy_that_is_refused_for_too_long_becomes_a_dead_letter(
    store: PostgresFanOutStore, mailboxes: Mailboxes
) -> None:
    relay = relay_of(store, mailboxes, most_offers=1)
    mailboxes.full = {ONE}
    accepted = await store.broadcast(message_to(ONE, text="lost"))
    await relay.carry_once()

    async def given_up() -> bool:
        await relay.carry_once()
        return mailboxes.buried == [(ONE, "lost")]

    await eventually(given_up)
    assert await store.pending([accepted.place]) == {accepted.place: 0}


async def test_a_round_that_breaks_off_leaves_everything_to_the_next(
    store: PostgresFanOutStore, mailboxes: Mailboxes
) -> None:
    relay = relay_of(store, mailboxes)
    mailboxes.away = True
    await store.broadcast(message_to(ONE, OTHER, text="kept"))
    with pytest.raises(BusUnavailable):
        await relay.carry_once()
    mailboxes.away = False
    assert await relay.carry_once() == 1
    assert await relay.carry_once() == 0
    assert (mailboxes.mail[ONE], mailboxes.mail[OTHER]) == (["kept"], ["kept"])


async def test_one_replica_has_a_round_at_a_time(store: PostgresFanOutStore, mailboxes: Mailboxes) -> None:
    await store.broadcast(message_to(ONE, text="once"))
    async with store.round() as present:
        assert present is not None
        assert await relay_of(store, mailboxes).carry_once() is None
    assert await relay_of(store, mailboxes).carry_once() == 1


async def test_what_was_carried_to_everyone_is_known_for_a_while_without_its_content(
    store: PostgresFanOutStore, mailboxes: Mailboxes, database: Database
) -> None:
    fan_out = message_to(ONE, text="once")
    accepted = await store.broadcast(fan_out)
    await relay_of(store, mailboxes).carry_once()
    assert await store.broadcast(fan_out) == Accepted(accepted.place, 1, duplicate=True)
    async with database.system_transaction() as connection:
        assert await connection.fetchval("SELECT mail FROM fan_outs") == b""
    await store.forget_ended(timedelta(hours=1))
    assert await store.recall("default", fan_out.id) is not None
    await store.forget_ended(timedelta(0))
    assert await store.recall("default", fan_out.id) is None
