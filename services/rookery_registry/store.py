"""What the use cases ask of storage. Every change is announced in the transaction that makes it."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from rookery_registry.matching import AgentMatch, AgentSearch
from rookery_registry.model import (
    Agent,
    AgentChanged,
    AgentQuery,
    AgentRegistration,
    AgentUpdate,
    Instruction,
    McpServer,
    McpServerChanged,
    McpServerRegistration,
)


class AgentAnnouncements(Protocol):
    """Where changes of agents are told."""

    async def announce(self, *changes: AgentChanged) -> None:
        """Tells the other services, in order, once the transaction has committed and not otherwise."""
        ...


class AgentTransaction(AgentAnnouncements, Protocol):
    """The agents of one tenant within one transaction. Every change gives the agent a higher revision."""

    async def register(
        self, agent_id: str, subject: str, registration: AgentRegistration, *, max_agents: int = 0
    ) -> Agent:
        """Creates the agent, or begins a new session of it with a higher epoch; its lease runs from now.

        `max_agents`: how many the tenant may have, beyond which no new one is created; 0: any number. Exact, also
        when many register at once. Raises AgentNameTaken, SubjectAlreadyBound, QuotaExceeded.
        """
        ...

    async def find(self, agent_id: str) -> Agent:
        """Raises AgentNotFound."""
        ...

    async def lock(self, agent_id: str) -> Agent:
        """As `find`, and nobody else changes the agent until this transaction ends."""
        ...

    async def page(self, query: AgentQuery) -> Sequence[Agent]:
        """The agents of a query, ordered by name. Raises InvalidFilter."""
        ...

    async def search(self, search: AgentSearch) -> Sequence[AgentMatch]:
        """The best of the agents that are online, do not drain and have room; best first. Raises InvalidFilter."""
        ...

    async def end_lease(self, agent_id: str) -> Agent | None:
        """Makes a locked agent offline. None when it was so already and consumers know."""
        ...

    async def instruct(self, agent_id: str, instruction: Instruction) -> Agent:
        """Notes for a locked agent what it is to be told."""
        ...

    async def update(self, agent_id: str, update: AgentUpdate) -> Agent:
        """Replaces attributes of a locked agent; the labels of its enrolment stay."""
        ...

    async def remove(self, agent_id: str) -> tuple[Agent, int]:
        """Removes a locked agent; answers it as it last was, and the revision of its removal."""
        ...


class LeaseTransaction(AgentAnnouncements, Protocol):
    """The leases of every tenant within one transaction."""

    async def note_sweep(self, outage: timedelta) -> bool:
        """Begins a sweep; False: another replica is at one, so leave it to that.

        When the last sweep is longer ago than `outage`, nobody could beat in between: every lease that ran then runs
        its whole duration from now.
        """
        ...

    async def expire(self, limit: int) -> Sequence[Agent]:
        """Makes offline up to `limit` agents whose lease has run out. Two replicas never take the same one."""
        ...


class AgentStore(Protocol):
    """Opens transactions on agents. The block's end commits; an error rolls back."""

    def begin(self, tenant: str) -> AbstractAsyncContextManager[AgentTransaction]:
        """A transaction on the agents of a tenant."""
        ...

    def begin_expiry(self) -> AbstractAsyncContextManager[LeaseTransaction]:
        """A transaction on the leases of every tenant."""
        ...


class McpServerTransaction(Protocol):
    """The MCP servers of one tenant within one transaction."""

    async def register(self, server_id: str, registration: McpServerRegistration) -> McpServer:
        """Creates a server. Raises McpServerExists."""
        ...

    async def find(self, server_id: str) -> McpServer:
        """Raises McpServerNotFound."""
        ...

    async def find_by_name(self, name: str) -> McpServer:
        """Raises McpServerNotFound."""
        ...

    async def page(self, limit: int, after: str | None) -> Sequence[McpServer]:
        """Up to `limit` servers ordered by name, beginning after the name `after`."""
        ...

    async def remove(self, server_id: str) -> tuple[McpServer, int]:
        """Removes a server; answers it as it last was, and the revision of its removal. Raises McpServerNotFound."""
        ...

    async def announce(self, changed: McpServerChanged) -> None:
        """Tells the other services, once the transaction has committed and not otherwise."""
        ...


class McpServerStore(Protocol):
    """Opens transactions on MCP servers. The block's end commits; an error rolls back."""

    def begin(self, tenant: str) -> AbstractAsyncContextManager[McpServerTransaction]:
        """A transaction on the MCP servers of a tenant."""
        ...
