"""Dead letters are requeued, each once, and discarded."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import grpc
import pytest
from harness.databases import FreshDatabase, OpenDatabase
from harness.dead_letters import DeadLetterDesk, exhaust, kill_letters
from harness.eventually import eventually
from harness.mailbox_service import QUICK, KnownAgents, MailService, running_mail_service, text, texts
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tokens import TokenMint
from rookery.orchestrator.v1 import dead_letter_pb2
from rookery_kit.bus import Bus

REQUEUED, DISCARDED = dead_letter_pb2.DEAD_LETTER_STATE_REQUEUED, dead_letter_pb2.DEAD_LETTER_STATE_DISCARDED


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_server) as service:
        yield service


@pytest.mark.capability("M3")
async def test_a_requeued_dead_letter_is_delivered_again_with_its_attempts_counted_anew(mail: MailService) -> None:
    agent, desk = mail.agent(), DeadLetterDesk(mail)
    sent = await mail.send(agent, "poison")
    await exhaust(mail, agent, QUICK.max_deliveries)
    (dead,) = await desk.listed(1)
    assert await desk.requeue(dead_letter_id=dead.id) == 1
    async with mail.receiving(agent, grant=5) as receiver:
        delivery = await receiver.delivery()
        assert (text(delivery), delivery.attempt, delivery.message.id) == ("poison", 1, sent.message.id)
        await receiver.ack(delivery)
    await eventually(lambda: _in_state(desk, dead.id, REQUEUED))
    assert (await desk.get(dead.id)).updated_by == "user:admin"
    again = await refusal(desk.requeue(dead_letter_id=dead.id))
    assert (again.code, again.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "DEAD_LETTER_SETTLED")
    assert (await desk.list()).dead_letters == []


@pytest.mark.capability("M3")
async def test_the_same_request_requeues_once(mail: MailService) -> None:
    agent, desk, request_id = mail.agent(), DeadLetterDesk(mail), str(uuid4())
    await kill_letters(mail, agent, "1", "2")
    await desk.listed(2)
    counts = await asyncio.gather(*(desk.requeue(all=True, request_id=request_id) for _ in range(4)))
    assert counts == [2, 2, 2, 2]
    async with mail.receiving(agent, grant=10) as receiver:
        assert sorted(texts(await receiver.deliveries(2))) == ["1", "2"]
        await mail.send(agent, "nothing but this comes after")
        assert text(await receiver.delivery()) == "nothing but this comes after"


@pytest.mark.capability("M3")
async def test_those_that_match_are_requeued_and_others_discarded(mail: MailService) -> None:
    agent, desk = mail.agent(), DeadLetterDesk(mail)
    await kill_letters(mail, agent, "1", "2", type="order")
    await kill_letters(mail, agent, "3", type="note")
    await desk.listed(3)
    assert await desk.requeue(filter='type = "order"') == 2
    assert await desk.discard(all=True) == 1
    (left,) = await desk.listed(1, "state = DISCARDED")
    assert (left.detail, left.state, left.updated_by) == ("cannot stand 3", DISCARDED, "user:admin")
    assert await desk.requeue(all=True) == 0
    gone = await refusal(desk.discard(dead_letter_id=left.id))
    assert gone.reason == "DEAD_LETTER_SETTLED"
    unknown = await refusal(desk.discard(dead_letter_id=str(uuid4())))
    assert unknown.reason == "DEAD_LETTER_NOT_FOUND"


@pytest.mark.capability("M3")
async def test_what_is_requeued_while_the_bus_is_away_arrives_once(
    mail: MailService, nats_server: RestartableNats
) -> None:
    agent, desk = mail.agent(), DeadLetterDesk(mail)
    await kill_letters(mail, agent, *(str(number) for number in range(5)))
    await desk.listed(5)
    await nats_server.kill()
    assert await desk.requeue(all=True) == 5
    assert len(await desk.listed(5, "state = REQUEUING")) == 5
    await nats_server.restart()
    async with mail.receiving(agent, grant=20) as receiver:
        assert sorted(texts(await receiver.deliveries(5))) == ["0", "1", "2", "3", "4"]
        await eventually(lambda: _count(desk, "state = REQUEUED", 5))
        await mail.send(agent, "nothing but this comes after")
        assert text(await receiver.delivery()) == "nothing but this comes after"


@pytest.mark.capability("M3")
async def test_a_note_that_was_lost_after_the_publication_adds_nothing(
    mail: MailService, open_database: OpenDatabase
) -> None:
    """A replica is lost after it published a dead letter and before it noted that: the next publishes it again."""
    agent, desk, database = mail.agent(), DeadLetterDesk(mail), await open_database("orchestrator")
    await kill_letters(mail, agent, "once")
    (dead,) = await desk.listed(1)
    assert await desk.requeue(dead_letter_id=dead.id) == 1
    await eventually(lambda: _in_state(desk, dead.id, REQUEUED))
    async with database.system_transaction() as connection:
        await connection.execute("UPDATE dead_letters SET state = 'REQUEUING' WHERE id = $1", dead.id)
    await eventually(lambda: _in_state(desk, dead.id, REQUEUED))
    async with mail.receiving(agent, grant=5) as receiver:
        await receiver.ack(await receiver.delivery())
        await mail.send(agent, "nothing but this comes after")
        assert text(await receiver.delivery()) == "nothing but this comes after"


@pytest.mark.capability("M3")
async def test_dead_letters_are_taken_in_anew_when_the_database_has_lost_them(
    fresh_database: FreshDatabase, nats_server: RestartableNats, bus: Bus, open_database: OpenDatabase
) -> None:
    agents, mint = KnownAgents(), TokenMint()
    async with running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as service:
        agent = service.agent()
        await kill_letters(service, agent, "1", "2")
        before = [each.id for each in await DeadLetterDesk(service).listed(2)]
    database = await open_database("orchestrator")
    async with database.system_transaction() as connection:
        await connection.execute("DELETE FROM dead_letters")
        await connection.execute("DELETE FROM inbox")
    await bus.jetstream.delete_consumer("DLQ", "orchestrator-dead-letters")
    async with running_mail_service(fresh_database, nats_server, agents=agents, mint=mint) as service:
        assert [each.id for each in await DeadLetterDesk(service).listed(2)] == before


async def _in_state(desk: DeadLetterDesk, dead_letter_id: str, state: int) -> bool:
    return (await desk.get(dead_letter_id)).state == state


async def _count(desk: DeadLetterDesk, filter_: str, count: int) -> bool:
    return len((await desk.list(filter_)).dead_letters) == count
