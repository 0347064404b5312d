"""The store of agents."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from asyncpg import Record, UniqueViolationError
from rookery_kit.postgres import Queries

from rookery_registry.events import agent_event
from rookery_registry.model import (
    Agent,
    AgentChanged,
    AgentNameTaken,
    AgentNotFound,
    AgentQuery,
    AgentRegistration,
    AgentUpdate,
    SubjectAlreadyBound,
)
from rookery_registry.postgres.announcing import AnnouncingDatabase, AnnouncingTransaction
from rookery_registry.store import AgentTransaction, LeaseTransaction


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


class _Announcements:
    """Both transactions tell of changes in the same way."""

    def __init__(self, transaction: AnnouncingTransaction, queries: Queries) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._tenant = transaction.tenant
        self._queries = queries

    async def announce(self, *changes: AgentChanged) -> None:
        await self._transaction.append([agent_event(changed) for changed in changes])


class _AgentTransaction(_Announcements):
    """Implements AgentTransaction."""

    async def register(self, agent_id: str, subject: str, registration: AgentRegistration) -> Agent:
        await self._connection.execute(self._queries["serialise_registrations"], self._tenant, agent_id)
        known = await self._row("lock_agent", agent_id)
        if known is not None and known["name"] != registration.name:
            raise SubjectAlreadyBound(subject, known["name"])
        try:
            row = await self._row(
                "register_agent",
                agent_id,
                registration.name,
                subject,
                registration.description,
                list(registration.capabilities),
                _labels(registration.labels),
                _labels(registration.enrolment_labels),
                registration.lease_duration,
            )
        except UniqueViolationError:
            raise AgentNameTaken(registration.name) from None
        assert row is not None
        return _agent(row)

    async def find(self, agent_id: str) -> Agent:
        return await self._one("find_agent", agent_id)

    async def lock(self, agent_id: str) -> Agent:
        return await self._one("lock_agent", agent_id)

    async def page(self, query: AgentQuery) -> Sequence[Agent]:
        rows = await self._connection.fetch(
            self._queries["list_agents"],
            self._tenant,
            query.after,
            query.name or None,
            query.capability or None,
            query.online,
            query.limit,
        )
        return [_agent(row) for row in rows]

    async def extend_lease(self, agent_id: str, session_epoch: int) -> timedelta | None:
        row = await self._row("extend_lease", agent_id, session_epoch)
        return row["lease_duration"] if row else None

    async def begin_lease(self, agent_id: str) -> Agent:
        return await self._one("begin_lease", agent_id)

    async def end_lease(self, agent_id: str) -> Agent | None:
        row = await self._row("end_lease", agent_id)
        return _agent(row) if row else None

    async def update(self, agent_id: str, update: AgentUpdate) -> Agent:
        capabilities = None if update.capabilities is None else list(update.capabilities)
        labels = None if update.labels is None else _labels(update.labels)
        return await self._one("update_agent", agent_id, capabilities, labels, update.description)

    async def remove(self, agent_id: str) -> tuple[Agent, int]:
        row = await self._row("remove_agent", agent_id)
        if row is None:
            raise AgentNotFound(agent_id)
        return _agent(row), row["removal_revision"]

    async def _one(self, query: str, agent_id: str, *arguments: object) -> Agent:
        row = await self._row(query, agent_id, *arguments)
        if row is None:
            raise AgentNotFound(agent_id)
        return _agent(row)

    async def _row(self, query: str, agent_id: str, *arguments: object) -> Record | None:
        return await self._connection.fetchrow(self._queries[query], self._tenant, agent_id, *arguments)


class _LeaseTransaction(_Announcements):
    """Implements LeaseTransaction."""

    async def expire(self, limit: int) -> Sequence[Agent]:
        rows = await self._connection.fetch(self._queries["expire_leases"], limit)
        return [_agent(row) for row in rows]


def _labels(labels: object) -> str:
    return json.dumps(labels, ensure_ascii=False)


def _agent(row: Record) -> Agent:
    return Agent(
        id=str(row["id"]),
        tenant=row["tenant"],
        name=row["name"],
        subject=row["subject"],
        description=row["description"],
        capabilities=tuple(row["capabilities"]),
        labels=json.loads(row["labels"]),
        online=row["live"],
        session_epoch=row["session_epoch"],
        lease_duration=row["lease_duration"],
        lease_expire_time=row["lease_expire_time"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        revision=row["revision"],
    )
