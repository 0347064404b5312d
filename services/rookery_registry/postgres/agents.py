"""The store of agents."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from asyncpg import Record, UniqueViolationError
from rookery_kit.errors import QuotaExceeded
from rookery_kit.postgres import Queries

from rookery_registry.matching import AgentMatch, AgentSearch
from rookery_registry.model import (
    Agent,
    AgentNameTaken,
    AgentNotFound,
    AgentQuery,
    AgentRegistration,
    AgentUpdate,
    Instruction,
    SubjectAlreadyBound,
)
from rookery_registry.postgres.agent_listing import list_agents, rank_agents
from rookery_registry.postgres.agent_rows import agent_of, card_columns, to_json
from rookery_registry.postgres.announcements import AgentAnnouncer
from rookery_registry.postgres.announcing import AnnouncingDatabase
from rookery_registry.postgres.sweeps import Sweep, note_sweep
from rookery_registry.store import AgentTransaction, LeaseTransaction

# What each instruction makes of `draining` and `card_stale`.
_FLAGS = {
    Instruction.DRAIN: (True, None),
    Instruction.RESUME: (False, None),
    Instruction.REFRESH_CARD: (None, True),
}


class PostgresAgentStore:
    """Implements AgentStore."""

    def __init__(self, database: AnnouncingDatabase, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    @asynccontextmanager
    async def begin(self, tenant: str) -> AsyncIterator[AgentTransaction]:
        """A transaction on the agents of a tenant."""
        async with self._database.begin(tenant) as transaction:
            yield _AgentTransaction(transaction, self._queries)

    @asynccontextmanager
    async def begin_expiry(self) -> AsyncIterator[LeaseTransaction]:
        """A transaction on the leases of every tenant."""
        async with self._database.begin() as transaction:
            yield _LeaseTransaction(transaction, self._queries)


class _AgentTransaction(AgentAnnouncer):
    """Implements AgentTransaction."""

    async def register(
        self, agent_id: str, subject: str, registration: AgentRegistration, *, max_agents: int = 0
    ) -> Agent:
        await self._connection.execute(self._queries["serialise_registrations"], self._tenant, agent_id)
        known = await self._row("lock_agent", agent_id)
        if known is not None and known["name"] != registration.name:
            raise SubjectAlreadyBound(subject, known["name"])
        if known is None and max_agents:
            await self._make_room(max_agents)
        try:
            row = await self._row(
                "register_agent",
                agent_id,
                registration.name,
                subject,
                registration.description,
                list(registration.capabilities),
                to_json(registration.labels),
                to_json(registration.enrolment_labels),
                registration.lease_duration,
                *card_columns(registration.card),
            )
        except UniqueViolationError:
            raise AgentNameTaken(registration.name) from None
        assert row is not None
        return agent_of(row)

    async def _make_room(self, max_agents: int) -> None:
        await self._connection.execute(self._queries["serialise_growth"], self._tenant)
        if await self._connection.fetchval(self._queries["count_agents"], self._tenant, max_agents) >= max_agents:
            raise QuotaExceeded("max_agents", max_agents, f"tenant:{self._tenant}")

    async def find(self, agent_id: str) -> Agent:
        return await self._one("find_agent", agent_id)

    async def lock(self, agent_id: str) -> Agent:
        return await self._one("lock_agent", agent_id)

    async def page(self, query: AgentQuery) -> Sequence[Agent]:
        return await list_agents(self._connection, self._queries, self._tenant, query)

    async def search(self, search: AgentSearch) -> Sequence[AgentMatch]:
        return await rank_agents(self._connection, self._queries, self._tenant, search)

    async def end_lease(self, agent_id: str) -> Agent | None:
        row = await self._row("end_lease", agent_id)
        return agent_of(row) if row else None

    async def instruct(self, agent_id: str, instruction: Instruction) -> Agent:
        return await self._one("instruct_agent", agent_id, *_FLAGS[instruction])

    async def update(self, agent_id: str, update: AgentUpdate) -> Agent:
        capabilities = None if update.capabilities is None else list(update.capabilities)
        labels = None if update.labels is None else to_json(update.labels)
        columns = (capabilities, labels, update.description, *card_columns(update.card))
        return await self._one("update_agent", agent_id, *columns)

    async def remove(self, agent_id: str) -> tuple[Agent, int]:
        row = await self._row("remove_agent", agent_id)
        if row is None:
            raise AgentNotFound(agent_id)
        return agent_of(row), row["removal_revision"]

    async def _one(self, query: str, agent_id: str, *arguments: object) -> Agent:
        row = await self._row(query, agent_id, *arguments)
        if row is None:
            raise AgentNotFound(agent_id)
        return agent_of(row)

    async def _row(self, query: str, agent_id: str, *arguments: object) -> Record | None:
        return await self._connection.fetchrow(self._queries[query], self._tenant, agent_id, *arguments)


class _LeaseTransaction(AgentAnnouncer):
    """Implements LeaseTransaction."""

    async def note_sweep(self, outage: timedelta) -> bool:
        return await note_sweep(self._connection, self._queries, outage) is not Sweep.LEFT_TO_ANOTHER

    async def expire(self, limit: int) -> Sequence[Agent]:
        rows = await self._connection.fetch(self._queries["expire_leases"], limit)
        return [agent_of(row) for row in rows]
