"""Taking the erasure of tenants from round to round, to its end."""

import asyncio
from datetime import timedelta

import structlog
from rookery_kit.errors import RookeryError

from rookery_auth.model import ERASING_SERVICES, LAST_ERASURE_ROUND, TenantLife
from rookery_auth.store import TenantStore

_EVERY_SECONDS = 0.5
# A service that was told, and whose stream was then lost with a disk, is told again.
_REMIND = timedelta(minutes=10)
_log = structlog.get_logger(__name__)


class TenantErasures:
    """Begins the second round when all services have reported in the first, and ends when they have in the second.

    In the first round every service comes to refuse the tenant's tokens and drops what it had yet to tell of it.
    `settle` after that, the calls that were under way have ended and what services had told each other has arrived.
    """

    def __init__(self, store: TenantStore, settle: timedelta) -> None:
        self._store = store
        self._settle = settle

    async def run(self) -> None:
        """Goes on until cancelled. Outages of the database are waited out; what is due is kept there."""
        while True:
            try:
                await self.advance()
            except RookeryError as error:
                _log.warning("erasure of tenants waits", reason=error.reason)
            await asyncio.sleep(_EVERY_SECONDS)

    async def advance(self) -> None:
        """Takes every tenant whose erasure can go on one step further."""
        for tenant_id in await self._store.next_erasures(self._settle, _REMIND):
            async with self._store.change(tenant_id) as change:
                tenant = change.tenant
                if tenant.life is not TenantLife.DELETING:
                    # Another replica was faster.
                    continue
                if tenant.erasing_services:
                    await change.remind()
                elif tenant.erasure_round < LAST_ERASURE_ROUND:
                    await change.begin_erasure(ERASING_SERVICES)
                else:
                    await change.end_erasure()
                    _log.info("tenant erased", erased_tenant=tenant.id)
