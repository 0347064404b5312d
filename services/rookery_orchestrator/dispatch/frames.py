"""What is sent to a working agent."""

from dataclasses import dataclass

from rookery_kit.errors import RookeryError

from rookery_orchestrator.model import LeaseKey, Task


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream is open; these leases are still the agent's."""

    kept: tuple[LeaseKey, ...]


@dataclass(frozen=True, slots=True)
class Assigned:
    """A task and its lease."""

    task: Task


@dataclass(frozen=True, slots=True)
class Accepted:
    """A report was taken, and is durable."""

    lease: LeaseKey


@dataclass(frozen=True, slots=True)
class Refused:
    """A report was not taken."""

    lease: LeaseKey
    error: RookeryError


@dataclass(frozen=True, slots=True)
class Stopped:
    """A lease is not held any more: `CANCELED`, `LEASE_LOST` or `DEADLINE_EXCEEDED`."""

    lease: LeaseKey
    reason: str


Frame = Opened | Assigned | Accepted | Refused | Stopped
