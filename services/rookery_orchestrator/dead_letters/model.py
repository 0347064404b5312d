"""Dead letters and what can be asked of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rookery_kit.errors import FailedPrecondition, NotFound
from rookery_kit.filtering import EVERYTHING, Expression


class DeadLetterNotFound(NotFound):
    """No such dead letter in the tenant, or none that the caller may see."""

    reason = "DEAD_LETTER_NOT_FOUND"

    def __init__(self, dead_letter_id: str) -> None:
        super().__init__(f"there is no dead letter {dead_letter_id}", dead_letter_id=dead_letter_id)


class DeadLetterSettled(FailedPrecondition):
    """The dead letter was requeued or discarded before."""

    reason = "DEAD_LETTER_SETTLED"

    def __init__(self, dead_letter_id: str, state: str) -> None:
        super().__init__(f"the dead letter {dead_letter_id} is {state}", dead_letter_id=dead_letter_id, state=state)


class DeadLetterState(StrEnum):
    """What became of a dead letter. The values are public."""

    DEAD = "DEAD"
    REQUEUING = "REQUEUING"
    REQUEUED = "REQUEUED"
    DISCARDED = "DISCARDED"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as it is kept. `letter` is sealed: only the edges open it."""

    id: str
    tenant: str
    agent_id: str
    sender: str
    message_id: str
    type: str
    correlation_id: str
    reason: str
    detail: str
    deliveries: int
    agent_version: str
    handler: str
    letter: bytes
    state: DeadLetterState
    create_time: datetime
    update_time: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters: those of an agent's mailbox (None: of any), in one state (None: any), that match."""

    agent_id: str | None = None
    state: DeadLetterState | None = None
    filter: Expression = EVERYTHING


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: the keys of its last dead letter."""

    create_time: datetime
    id: str
