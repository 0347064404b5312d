"""What the orchestrator keeps, as its use cases see it. Every method is atomic, and durable when it returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from rookery_orchestrator.directory import KnownAgent
from rookery_orchestrator.model import Attempt, LeaseKey, NewTask, Task, TaskQuery
from rookery_orchestrator.reports import Progress, Report


class TaskStore(Protocol):
    """Tasks, for those who want work done. Every change of state is announced by an event."""

    async def create(self, tasks: Sequence[NewTask]) -> Sequence[Task]:
        """Keeps tasks; answers, in the same order, each as kept, or the one already kept under its request_id."""
        ...

    async def find(self, tenant: str, task_id: str) -> Task:
        """The task of an id. Raises TaskNotFound."""
        ...

    async def attempts(self, tenant: str, task_id: str) -> Sequence[Attempt]:
        """Every lease of a task, oldest first."""
        ...

    async def page(self, tenant: str, query: TaskQuery) -> Sequence[Task]:
        """Tasks, newest first."""
        ...

    async def cancel(self, tenant: str, task_id: str) -> Task:
        """Ends a task as CANCELED. Raises TaskNotFound, TaskEnded."""
        ...


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked of the queue: one slot for each agent that would take a task, best first."""

    tenant: str
    capability: str
    slots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A lease and its holder."""

    lease: LeaseKey
    agent_id: str


class LeaseStore(Protocol):
    """Leases of tasks. Time is the database's. What names a lease that is not the current one changes nothing."""

    async def waiting(self, pairs: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        """Those pairs of tenant and capability for which a task waits."""
        ...

    async def claim(self, demand: Demand) -> Sequence[Task]:
        """Leases waiting tasks to the slots, higher priority and older ones first; each to one slot."""
        ...

    async def extend(self, held: Sequence[Held]) -> Mapping[LeaseKey, timedelta]:
        """Begins the leases' time anew; answers the duration of those that are still held."""
        ...

    async def shorten(self, held: Sequence[Held], remaining: timedelta) -> None:
        """Lets the leases run out after `remaining`, if they do not earlier."""
        ...

    async def disown(self, agent_id: str, kept: Sequence[LeaseKey]) -> None:
        """Lets every lease of an agent run out at once but those `kept`."""
        ...

    async def settle(self, reports: Sequence[Report]) -> tuple[Sequence[bool], Sequence[Task]]:
        """Takes reports in order: whether each counts, and the tasks that changed.

        A result that counted before, under the same lease, counts again and changes nothing.
        """
        ...

    async def record_progress(self, progress: Sequence[Progress]) -> Sequence[Task]:
        """Notes how far tasks are; answers those that changed."""
        ...

    async def reap(self, limit: int) -> Sequence[Task]:
        """Ends leases that have run out and tasks whose deadline has passed; answers the tasks that changed."""
        ...


class AgentProjection(Protocol):
    """The agents as the registry last told of them."""

    async def find(self, tenant: str, agent_id: str) -> KnownAgent | None:
        """The agent of an id, if it is known."""
        ...

    async def find_by_name(self, tenant: str, name: str) -> KnownAgent | None:
        """The agent of a name, if it is known."""
        ...

    async def learn(self, agent: KnownAgent) -> None:
        """Keeps an agent, unless a later revision of it is known."""
        ...
