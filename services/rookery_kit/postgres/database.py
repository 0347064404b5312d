"""The connection pool of a service, and the transactions that run on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import asyncpg

from rookery_kit.errors import Unavailable
from rookery_kit.identity import TENANT

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Connection = asyncpg.Connection

EVERY_TENANT = "*"
_OUTAGE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # Raised for a connection whose server vanished between two messages of the protocol.
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.CannotConnectNowError,
    asyncpg.InvalidAuthorizationSpecificationError,
    OSError,
    TimeoutError,
)
# Whatever the server answers to a new connection (it starts, it stops, it takes none just now), there is none.
_NO_CONNECTION = (*_OUTAGE, asyncpg.PostgresError)


class DatabaseUnavailable(Unavailable):
    """Postgres does not answer, or gave the transaction up. A commit that was under way may have happened."""

    reason = "DATABASE_UNAVAILABLE"


@dataclass(frozen=True)
class _SharedTransaction:
    tenant: str
    connection: Connection
    after_commit: list[Callable[[], None]]
    settling: list[Callable[[], Awaitable[None]]]


class Database:
    """Transactions on one service's schema, under that service's role.

    Every transaction names a tenant; row-level security lets it see that tenant's rows only. Loss of the server
    is raised as DatabaseUnavailable; errors that mean something to a store (a broken constraint) pass through.
    """

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", statements: "asyncpg.Pool[asyncpg.Record]", acquire_timeout: float
    ) -> None:
        self._pool = pool
        self._statements = statements
        self._acquire_timeout = acquire_timeout
        self._shared: ContextVar[_SharedTransaction | None] = ContextVar("shared_transaction", default=None)

    @classmethod
    async def connect(cls, url: str, *, schema: str, pool_size: int, acquire_timeout: float = 10.0) -> Self:
        """Opens the pool and proves that the server answers. Raises DatabaseUnavailable."""
        settings = {"search_path": schema, "application_name": f"rookery-{schema}", "jit": "off"}
        try:
            pool = await _open_pool(url, settings, min_size=1, max_size=pool_size)
            statements = await _open_pool(
                url, settings | {"rookery.tenant": EVERY_TENANT}, min_size=0, max_size=pool_size
            )
        except _NO_CONNECTION as error:
            raise _unavailable(error) from error
        return cls(pool, statements, acquire_timeout)

    async def close(self) -> None:
        """Closes every connection; waits a moment for those at work."""
        for pool in (self._statements, self._pool):
            try:
                await asyncio.wait_for(pool.close(), timeout=5)
            except (TimeoutError, *_OUTAGE):
                pool.terminate()

    @asynccontextmanager
    async def transaction(self, tenant: str) -> AsyncIterator[Connection]:
        """One transaction for one tenant, committed at the end of the block and rolled back on any error.

        Within `shared_transaction` of the same tenant the block joins that transaction instead.
        """
        shared = self._shared.get()
        if shared is not None and shared.tenant == tenant:
            yield shared.connection
            return
        if tenant != EVERY_TENANT and not TENANT.fullmatch(tenant):
            raise ValueError("the tenant is not well-formed")
        try:
            async with self._acquired(self._pool) as connection:
                try:
                    # One round trip for both; the name is checked above, and SET takes no parameters.
                    await connection.execute(f"BEGIN; SET LOCAL rookery.tenant = '{tenant}'")
                    yield connection
                    await connection.execute("COMMIT")
                except BaseException:
                    if not connection.is_closed():
                        await connection.execute("ROLLBACK")
                    raise
        except _OUTAGE as error:
            raise _unavailable(error) from error

    @asynccontextmanager
    async def system_statement(self) -> AsyncIterator[Connection]:
        """A connection on which every statement commits by itself and sees every tenant. Joins no shared transaction.

        One round trip instead of three, for hot paths that need a single statement. That names the tenant itself where
        only one is meant.
        """
        try:
            async with self._acquired(self._statements) as connection:
                yield connection
        except _OUTAGE as error:
            raise _unavailable(error) from error

    @asynccontextmanager
    async def _acquired(self, pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Connection]:
        try:
            connection = await pool.acquire(timeout=self._acquire_timeout)
        except _NO_CONNECTION as error:
            raise _unavailable(error) from error
        try:
            yield connection
        finally:
            await pool.release(connection)

    def system_transaction(self) -> AbstractAsyncContextManager[Connection]:
        """One transaction that sees every tenant, for the service's own work."""
        return self.transaction(EVERY_TENANT)

    @asynccontextmanager
    async def shared_transaction(self, tenant: str) -> AsyncIterator[Connection]:
        """A transaction that every `transaction` of this tenant within the block joins, this one included."""
        shared = self._shared.get()
        if shared is not None and shared.tenant == tenant:
            yield shared.connection
            return
        async with self.transaction(tenant) as connection:
            shared = _SharedTransaction(tenant, connection, [], [])
            token = self._shared.set(shared)
            try:
                yield connection
            finally:
                self._shared.reset(token)
        for callback in shared.after_commit:
            callback()
        for settle in shared.settling:
            await settle()

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Calls `callback` once the shared transaction has committed; at once where there is none.

        Call it after the `transaction` block whose change it announces.
        """
        shared = self._shared.get()
        if shared is None:
            callback()
        else:
            shared.after_commit.append(callback)

    async def settle_after_commit(self, settle: Callable[[], Awaitable[None]]) -> None:
        """Awaits `settle` once the shared transaction has committed, before its block is left; at once outside of one.

        The answer waits for it, so it is to end soon and to raise nothing. Asked for twice, it is awaited once.
        """
        shared = self._shared.get()
        if shared is None:
            await settle()
        elif settle not in shared.settling:
            shared.settling.append(settle)

    async def ping(self) -> None:
        """Proves that the server answers. Raises DatabaseUnavailable."""
        try:
            await self._pool.fetchval("SELECT 1", timeout=2)
        except _NO_CONNECTION as error:
            raise _unavailable(error) from error


async def _open_pool(
    url: str, settings: dict[str, str], *, min_size: int, max_size: int
) -> "asyncpg.Pool[asyncpg.Record]":
    return await asyncpg.create_pool(
        url,
        min_size=min_size,
        max_size=max_size,
        max_inactive_connection_lifetime=300,
        server_settings=settings,
        reset=_keep,
    )


async def _keep(_connection: Connection) -> None:
    """Spares the round trip of a full reset: nothing here sets anything beyond its transaction."""


def _unavailable(error: Exception) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"the database does not answer: {type(error).__name__}")
