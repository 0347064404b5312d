"""What an agent reports of a lease that it holds."""

from dataclasses import dataclass
from enum import StrEnum

from rookery_orchestrator.model import LeaseKey, Payload, TaskError


class FailureKind(StrEnum):
    """What follows from a failure."""

    RETRYABLE = "RETRYABLE"
    FINAL = "FINAL"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Result:
    """The task is done."""

    lease: LeaseKey
    agent_id: str
    output: Payload | None


@dataclass(frozen=True, slots=True)
class Failure:
    """The attempt has failed."""

    lease: LeaseKey
    agent_id: str
    error: TaskError
    kind: FailureKind
    retry_delay: float
    """Seconds before the next attempt, if there is one."""


@dataclass(frozen=True, slots=True)
class Release:
    """The lease is given back unused."""

    lease: LeaseKey
    agent_id: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the task is."""

    lease: LeaseKey
    agent_id: str
    fraction: float
    message: str


Report = Result | Failure | Release
