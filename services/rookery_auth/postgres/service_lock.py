"""Who works on auth's tables: any number of services, or a command that no service may run beside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog
from rookery_kit.errors import CannotStart
from rookery_kit.postgres import Connection, DatabaseUnavailable

_EVERY_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_SETTINGS = {
    "application_name": "rookery-auth-lock",
    # A machine that is gone without a word holds the lock no longer than some twenty seconds.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_LOCK_SHARED = "SELECT pg_advisory_lock_shared(hashtext('auth.service'))"
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext('auth.service'))"
_OUTAGE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
_log = structlog.get_logger(__name__)


class ServiceLock:
    """Held by every auth service while it runs, on a connection of its own: it ends with that, however it ends.

    When the connection is lost, as with a restart of Postgres, the lock is taken again as soon as the server answers.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._connection: Connection | None = None

    async def take(self) -> None:
        """Takes it, once a command that excludes services has ended. Raises DatabaseUnavailable."""
        connection = await _connect(self._database_url)
        try:
            await connection.execute(_LOCK_SHARED, timeout=_ANSWER_SECONDS)
        except _OUTAGE as error:
            connection.terminate()
            raise DatabaseUnavailable(f"the lock of services is not to be had: {type(error).__name__}") from error
        self._connection = connection

    async def run(self) -> None:
        """Sees to it that the lock is held, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                if not await self._held():
                    await self.take()
                    _log.info("the lock of services is taken again")
            except DatabaseUnavailable as error:
                _log.warning("the lock of services is not held", error=error.message)

    async def close(self) -> None:
        """Lets it go."""
        if self._connection is not None:
            self._connection.terminate()

    async def _held(self) -> bool:
        assert self._connection is not None
        try:
            await self._connection.execute("SELECT 1", timeout=_ANSWER_SECONDS)
        except _OUTAGE:
            self._connection.terminate()
            return False
        return True


@asynccontextmanager
async def no_service_running(database_url: str) -> AsyncIterator[None]:
    """A block in which no auth service runs on the database: one that starts waits for its end.

    Raises CannotStart when one runs, DatabaseUnavailable.
    """
    connection = await _connect(database_url)
    try:
        if not await connection.fetchval(_TRY_LOCK, timeout=_ANSWER_SECONDS):
            raise CannotStart("auth runs on this database: stop every process of it, then repeat; nothing was changed")
        yield
    finally:
        connection.terminate()


async def _connect(database_url: str) -> Connection:
    try:
        return await asyncpg.connect(database_url, timeout=_ANSWER_SECONDS, server_settings=_SETTINGS)
    except _OUTAGE as error:
        raise DatabaseUnavailable(f"the database does not answer: {type(error).__name__}") from error
