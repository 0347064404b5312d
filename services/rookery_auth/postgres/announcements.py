"""What every service must know of callers, on its way out once it is committed."""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from rookery_kit.errors import RookeryError
from rookery_kit.identity_feed import Admission
from rookery_kit.postgres import Database, Queries

from rookery_auth.model import Revocation, Tenant

_PATIENCE_SECONDS = 1.0
_POLL_SECONDS = 0.01
_log = structlog.get_logger(__name__)


class Announcements:
    """Has this replica go by what it commits at once, and the bus hold it before the caller is answered.

    While the bus does not take it an answer waits for `patience` seconds; what is in the outbox leaves later then.
    `wake` has the outbox leave without delay.
    """

    def __init__(
        self,
        database: Database,
        queries: Queries,
        admission: Admission,
        wake: Callable[[], None],
        *,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._database = database
        self._queries = queries
        self._admission = admission
        self._wake = wake
        self._patience = patience

    async def committed(self, *, revocations: Sequence[Revocation] = (), tenants: Sequence[Tenant] = ()) -> None:
        """Call it after the `transaction` block that puts these into the outbox; it joins a shared transaction."""

        def take_in() -> None:
            for revocation in revocations:
                self._admission.revocations.apply(revocation.known)
            for tenant in tenants:
                self._admission.tenants.apply(tenant.known)

        self._database.after_commit(take_in)
        self.replayed()
        await self._database.settle_after_commit(self._leave)

    def replayed(self) -> None:
        """Has what is announced again leave without delay, once it is committed; nobody waits for that."""
        self._database.after_commit(self._wake)

    async def waiting(self) -> bool:
        """Whether something announced to every service has not left yet."""
        return (await self._waiting())[0] is not None

    async def _leave(self) -> None:
        """Waits until all that was announced before has left, whichever replica carries it."""
        try:
            async with asyncio.timeout(self._patience):
                first, last = await self._waiting()
                while first is not None and last is not None and first <= last:
                    await asyncio.sleep(_POLL_SECONDS)
                    first, _ = await self._waiting()
        except (TimeoutError, RookeryError) as error:
            _log.warning("answered before it was announced", error=str(error) or type(error).__name__)

    async def _waiting(self) -> tuple[int | None, int | None]:
        """The places in the outbox of the first and the last announcement that have not left."""
        async with self._database.system_statement() as connection:
            row = await connection.fetchrow(self._queries["find_waiting_announcements"])
        assert row is not None
        return row["first"], row["last"]
