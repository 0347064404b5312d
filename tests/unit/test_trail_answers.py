"""How answers to requests are taken down in the audit trail."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from rookery.orchestrator.v1 import message_pb2
from rookery_orchestrator.trail.answers import Answer, AnswerTaking
from rookery_orchestrator.trail.model import AnswerKey, EndEntry, Question, SentEntry

pytestmark = pytest.mark.capability("M7")

EXPERT, ASKER, ADDRESS = (f"{digit * 8}-0000-4000-8000-{digit * 12}" for digit in "123")


class Trail:
    """What a TrailStore keeps, in memory."""

    def __init__(self) -> None:
        self.known: dict[AnswerKey, Question] = {}
        self.taken: list[SentEntry] = []

    async def questions(self, answers: Collection[AnswerKey]) -> Mapping[AnswerKey, Question]:
        return {key: question for key, question in self.known.items() if key in answers}

    async def append(self, sent: Sequence[SentEntry], _ended: Sequence[EndEntry]) -> Sequence[EndEntry]:
        self.taken += sent
        return []


def an_answer(*, sender: str = f"agent:{EXPERT}", tenant: str = "acme") -> SentEntry:
    message = message_pb2.Message(id=str(uuid4()), sender=sender, correlation_id="mine", reply_address=ADDRESS)
    return SentEntry(
        tenant=tenant,
        create_time=datetime.now(UTC),
        id=message.id,
        sender=sender,
        recipient_agent_id=None,
        priority="normal",
        type="",
        correlation_id="mine",
        expire_time=None,
        envelope=message.SerializeToString(),
        key=b"",
        reply_address=ADDRESS,
    )


@pytest.fixture
def trail() -> Trail:
    return Trail()


@pytest.fixture
def taking(trail: Trail) -> AnswerTaking:
    return AnswerTaking(trail)  # type: ignore[arg-type]


@pytest.mark.parametrize(("asker", "recipient"), [(f"agent:{ASKER}", ASKER), ("user:ann", None)])
async def test_an_answer_is_taken_down_under_its_question_and_as_sent_to_the_agent_that_asked(
    trail: Trail, taking: AnswerTaking, asker: str, recipient: str | None
) -> None:
    question = Question(str(uuid4()), asker)
    trail.known[AnswerKey("acme", ADDRESS, EXPERT)] = question
    assert await taking.append([Answer(an_answer(), 1)]) == set()
    (taken,) = trail.taken
    assert (taken.correlation_id, taken.recipient_agent_id) == (question.id, recipient)
    shown = message_pb2.Message.FromString(taken.envelope)
    assert (shown.correlation_id, shown.recipient_agent_id) == (question.id, recipient or "")


async def test_an_answer_whose_question_is_not_known_yet_is_tried_once_more_and_never_left_out(
    trail: Trail, taking: AnswerTaking
) -> None:
    trail.known[AnswerKey("another", ADDRESS, EXPERT)] = Question(str(uuid4()), f"agent:{ASKER}")
    trail.known[AnswerKey("acme", ADDRESS, ASKER)] = Question(str(uuid4()), f"agent:{ASKER}")
    entry = an_answer()
    assert await taking.append([Answer(entry, 1)]) == {entry}
    assert trail.taken == []
    assert await taking.append([Answer(entry, 2)]) == set()
    assert trail.taken == [entry]


async def test_what_cannot_be_an_answer_of_an_agent_keeps_nothing_waiting(trail: Trail, taking: AnswerTaking) -> None:
    entries = [an_answer(sender=sender) for sender in ("user:ann", "agent:nobody")]
    assert await taking.append([Answer(entry, 1) for entry in entries]) == set()
    assert trail.taken == entries
