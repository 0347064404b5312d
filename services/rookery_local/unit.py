"""A part of the suite, as the supervisor sees it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Unit(Protocol):
    """Something that runs as one child process."""

    @property
    def pid(self) -> int | None:
        """The process id; None while there is no process."""

    async def start(self) -> None:
        """Starts it and returns when it does its work. Raises CannotStart; then there is no process."""

    async def wait(self) -> int:
        """Waits until the process ends and answers its exit code, or minus the number of the signal."""

    async def stop(self) -> None:
        """Ends it in good order. Nothing is left when this returns."""

    async def kill(self) -> None:
        """Ends it at once. Nothing is left when this returns."""


class State(StrEnum):
    """Where a part stands."""

    STARTING = "starting"
    SERVING = "serving"
    BACKING_OFF = "backing off"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PartStatus:
    """What is known of a part. `since` is when it took this state, in seconds since 1970; ports are None for none.

    `restarts` counts the starts after the first; `problem` is why the last process ended, empty before the first end.
    """

    name: str
    state: State
    pid: int | None
    port: int | None
    metrics_port: int | None
    restarts: int
    since: float
    problem: str
