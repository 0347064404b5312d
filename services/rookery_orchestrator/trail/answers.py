"""Answers to requests, of which the request alone tells whom they went to."""

from collections.abc import Sequence, Set
from typing import NamedTuple

from rookery.orchestrator.v1 import message_pb2

from rookery_orchestrator.trail.model import UUID_TEXT, AnswerKey, Question, SentEntry
from rookery_orchestrator.trail.store import TrailStore

_AGENT = "agent:"
_MOST_TRIES = 2


class Answer(NamedTuple):
    """An answer, and how often it has been handed out to be taken down."""

    entry: SentEntry
    tries: int


class AnswerTaking:
    """Takes answers down, under the id of their request and as sent to the agent that asked, whatever they say.

    The request was stored before its answer, and can still be taken down after it, by another replica: an answer whose
    request is not known yet is tried once more. One to nothing that was asked stays as its sender has it.
    """

    def __init__(self, store: TrailStore) -> None:
        self._store = store

    async def append(self, answers: Sequence[Answer]) -> Set[SentEntry]:
        """Takes answers down, and gives back those that are to be tried once more. Raises Unavailable."""
        keys = {answer.entry: _key(answer.entry) for answer in answers}
        known = {key for key in keys.values() if key is not None}
        questions = await self._store.questions(known) if known else {}
        taken: list[SentEntry] = []
        again: set[SentEntry] = set()
        for entry, tries in answers:
            key = keys[entry]
            question = None if key is None else questions.get(key)
            if question is not None:
                taken.append(_addressed(entry, question))
            elif key is None or tries >= _MOST_TRIES:
                taken.append(entry)
            else:
                again.add(entry)
        if taken:
            await self._store.append(taken, [])
        return again


def _key(entry: SentEntry) -> AnswerKey | None:
    replier_id = _agent_id(entry.sender)
    if replier_id is None or entry.reply_address is None:
        return None
    return AnswerKey(entry.tenant, entry.reply_address, replier_id)


def _agent_id(subject: str) -> str | None:
    agent_id = subject.removeprefix(_AGENT).lower()
    return agent_id if subject.startswith(_AGENT) and UUID_TEXT.fullmatch(agent_id) else None


def _addressed(entry: SentEntry, question: Question) -> SentEntry:
    asker = _agent_id(question.sender)
    message = message_pb2.Message.FromString(entry.envelope)
    message.correlation_id = question.id
    message.recipient_agent_id = asker or ""
    return entry._replace(recipient_agent_id=asker, correlation_id=question.id, envelope=message.SerializeToString())
