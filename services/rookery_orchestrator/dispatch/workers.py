"""The agents at work on this replica."""

import heapq
from collections.abc import Iterator

from rookery_orchestrator.changes import TaskChanges
from rookery_orchestrator.directory import KnownAgent
from rookery_orchestrator.dispatch.worker import Worker
from rookery_orchestrator.model import TaskChange, TaskState
from rookery_orchestrator.session_errors import SessionSuperseded
from rookery_orchestrator.store import Demand

_LARGEST_CLAIM = 256
_STOP_REASONS = {TaskState.CANCELED: "CANCELED", TaskState.FAILED: "DEADLINE_EXCEEDED"}


class Workers:
    """Every open Work stream; at most one for each agent."""

    def __init__(self, changes: TaskChanges) -> None:
        self._by_agent: dict[str, Worker] = {}
        changes.listen(self._changed)

    def __iter__(self) -> Iterator[Worker]:
        # Over a copy: streams come and go while somebody iterates.
        return iter(tuple(self._by_agent.values()))

    def add(self, worker: Worker) -> None:
        """Takes a worker in; an older stream of the same agent is ended."""
        older = self._by_agent.get(worker.agent.id)
        self._by_agent[worker.agent.id] = worker
        if older is not None:
            older.end(SessionSuperseded())

    def remove(self, worker: Worker) -> bool:
        """Forgets a worker. False when a newer stream of its agent had taken its place."""
        if self._by_agent.get(worker.agent.id) is not worker:
            return False
        del self._by_agent[worker.agent.id]
        return True

    def find(self, agent_id: str) -> Worker | None:
        """The worker of an agent, if it works here."""
        return self._by_agent.get(agent_id)

    def agent_changed(self, agent: KnownAgent) -> None:
        """Follows the registry: other capabilities, or a later session on another replica."""
        worker = self._by_agent.get(agent.id)
        if worker is None or agent.revision <= worker.agent.revision:
            return
        if agent.session_epoch > worker.agent.session_epoch:
            worker.end(SessionSuperseded())
        else:
            worker.follow(agent)

    def wanted(self) -> set[tuple[str, str]]:
        """The pairs of tenant and capability for which somebody here has a credit."""
        return {
            (worker.agent.tenant, capability)
            for worker in self._by_agent.values()
            if worker.credits > 0
            for capability in worker.capabilities
        }

    def demand(self, tenant: str, capability: str) -> Demand | None:
        """One slot for each credit that can be spent on a capability, to the least loaded first; None: no credit."""
        free = [
            (worker.load, worker.agent.id, worker.credits)
            for worker in self._by_agent.values()
            if worker.credits > 0 and worker.agent.tenant == tenant and capability in worker.capabilities
        ]
        heapq.heapify(free)
        slots: list[str] = []
        while free and len(slots) < _LARGEST_CLAIM:
            load, agent_id, left = free[0]
            slots.append(agent_id)
            if left > 1:
                heapq.heapreplace(free, (load + 1, agent_id, left - 1))
            else:
                heapq.heappop(free)
        return Demand(tenant, capability, tuple(slots)) if slots else None

    def _changed(self, change: TaskChange) -> None:
        """Tells the agent that holds a lease here when the task went another way."""
        worker = self._by_agent.get(change.agent_id)
        if worker is None or worker.epoch_of(change.task_id) != change.lease_epoch:
            return
        if change.state in _STOP_REASONS or change.state is TaskState.SUBMITTED:
            reason = _STOP_REASONS.get(change.state, "LEASE_LOST")
            worker.stop(change.lease, reason)
