"""Tenants on Postgres."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from asyncpg import Record
from rookery_kit.bus import append_all
from rookery_kit.identity import FIRST_TENANT
from rookery_kit.identity_feed import Quotas
from rookery_kit.postgres import Connection, Database, Queries

from rookery_auth.model import ApiKey, Tenant, TenantLife, TenantNotFound
from rookery_auth.postgres.announcements import Announcements
from rookery_auth.postgres.api_keys import add_api_key, api_key
from rookery_auth.postgres.tenant_events import deletion_event, standing_event
from rookery_auth.store import TenantTransaction


class PostgresTenants:
    """Implements TenantStore. Works as the first tenant, which sees all tenants."""

    def __init__(self, database: Database, queries: Queries, announcements: Announcements) -> None:
        self._database = database
        self._queries = queries
        self._announcements = announcements

    async def create(self, tenant: Tenant, administrator: ApiKey) -> tuple[Tenant, ApiKey] | None:
        """Keeps a tenant with its administrator's key, or answers what is kept of an earlier call."""
        async with self._database.transaction(FIRST_TENANT) as connection:
            row = await connection.fetchrow(
                self._queries["add_tenant"], tenant.id, tenant.display_name, *_quota_values(tenant.quotas)
            )
            async with _as_tenant(connection, tenant.id):
                if row is not None:
                    await add_api_key(connection, self._queries, administrator)
                found = await connection.fetchrow(self._queries["get_api_key"], tenant.id, administrator.id)
            if row is not None:
                await append_all(connection, [standing_event(tenant_of(row))])
            else:
                row = await connection.fetchrow(self._queries["find_tenant"], tenant.id)
        if row is None or found is None:
            return None
        await self._announcements.committed(tenants=[tenant_of(row)])
        return tenant_of(row), api_key(found)

    async def find(self, tenant: str) -> Tenant:
        """One tenant. Raises TenantNotFound."""
        async with self._database.transaction(FIRST_TENANT) as connection:
            return _one(await connection.fetchrow(self._queries["find_tenant"], tenant), tenant)

    async def page(self, after: str, life: TenantLife | None, limit: int) -> Sequence[Tenant]:
        """At most `limit` tenants, by id, after the one named."""
        state = life.value if life else None
        async with self._database.transaction(FIRST_TENANT) as connection:
            return [
                tenant_of(row) for row in await connection.fetch(self._queries["list_tenants"], after, state, limit)
            ]

    async def replay(self) -> None:
        """Announces again how every tenant stands. One that changes meanwhile is announced later than here."""
        async with self._database.transaction(FIRST_TENANT) as connection:
            rows = await connection.fetch(self._queries["lock_tenants"])
            await append_all(connection, [standing_event(tenant_of(row)) for row in rows])
        self._announcements.replayed()

    @asynccontextmanager
    async def change(self, tenant: str) -> AsyncIterator[TenantTransaction]:
        """A transaction that changes a tenant. Raises TenantNotFound."""
        async with self._database.transaction(FIRST_TENANT) as connection:
            found = _one(await connection.fetchrow(self._queries["lock_tenant"], tenant), tenant)
            change = _TenantTransaction(connection, self._queries, found)
            yield change
        await self._announcements.committed(tenants=[change.tenant])

    async def next_erasures(self, settled: timedelta, untold: timedelta) -> Sequence[str]:
        """The tenants whose erasure can go on, or of which the services are to be reminded."""
        async with self._database.transaction(FIRST_TENANT) as connection:
            rows = await connection.fetch(self._queries["list_next_erasures"], settled, untold)
        return [row["id"] for row in rows]

    async def note_erased(self, connection: Connection, tenant: str, service: str, erasure_round: int) -> None:
        """Takes note, in the transaction of the event that says so, that a service holds nothing of a tenant."""
        await connection.execute(self._queries["note_erased"], tenant, service, erasure_round)


class _TenantTransaction:
    """Implements TenantTransaction."""

    def __init__(self, connection: Connection, queries: Queries, tenant: Tenant) -> None:
        self._connection = connection
        self._queries = queries
        self._tenant = tenant

    @property
    def tenant(self) -> Tenant:
        return self._tenant

    async def update(self, display_name: str, quotas: Quotas) -> Tenant:
        return await self._changed("update_tenant", display_name, *_quota_values(quotas))

    async def move(self, life: TenantLife) -> Tenant:
        return await self._changed("move_tenant", life.value)

    async def begin_erasure(self, services: Sequence[str]) -> Tenant:
        tenant = await self._changed("begin_erasure", list(services))
        await append_all(self._connection, [deletion_event(tenant)])
        return tenant

    async def end_erasure(self) -> Tenant:
        return await self._changed("move_tenant", TenantLife.DELETED.value)

    async def remind(self) -> None:
        await self._connection.execute(self._queries["remind_of_erasure"], self._tenant.id)
        await append_all(self._connection, [deletion_event(self._tenant)])

    async def _changed(self, query: str, *arguments: object) -> Tenant:
        row = await self._connection.fetchrow(self._queries[query], self._tenant.id, *arguments)
        self._tenant = _one(row, self._tenant.id)
        await append_all(self._connection, [standing_event(self._tenant)])
        return self._tenant


@asynccontextmanager
async def _as_tenant(connection: Connection, tenant: str) -> AsyncIterator[None]:
    """Lets the first tenant's transaction see another tenant's rows within the block, which must not fail midway."""
    await connection.execute("SELECT set_config('rookery.tenant', $1, true)", tenant)
    yield
    await connection.execute("SELECT set_config('rookery.tenant', $1, true)", FIRST_TENANT)


def _quota_values(quotas: Quotas) -> tuple[int, ...]:
    return (
        quotas.requests_per_second,
        quotas.max_agents,
        quotas.max_api_keys,
        quotas.max_mailbox_messages,
        quotas.max_mailbox_bytes,
    )


def _one(row: Record | None, tenant: str) -> Tenant:
    if row is None:
        raise TenantNotFound(tenant)
    return tenant_of(row)


def tenant_of(row: Record) -> Tenant:
    """The tenant of a row."""
    return Tenant(
        id=row["id"],
        display_name=row["display_name"],
        life=TenantLife(row["state"]),
        quotas=Quotas(
            row["requests_per_second"],
            row["max_agents"],
            row["max_api_keys"],
            row["max_mailbox_messages"],
            row["max_mailbox_bytes"],
        ),
        revision=row["revision"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        erasing_services=tuple(row["erasing_services"]) if row["state"] == TenantLife.DELETING.value else (),
        erasure_round=row["erasure_round"],
    )
