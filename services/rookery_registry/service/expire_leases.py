"""Agents that stopped beating go offline."""

import asyncio
from datetime import timedelta

import structlog
from rookery_kit.errors import RookeryError

from rookery_registry.model import AgentChange, AgentChanged
from rookery_registry.store import AgentStore

_BATCH = 200
_log = structlog.get_logger(__name__)


class LeaseSweeper:
    """Tells of leases that have run out. Any number of replicas may sweep: each lapse is told of once.

    Reads need no sweep: they compare the lease with the database's time themselves. A gap of more than
    `outage` between sweeps, of all replicas together, was an outage in which nobody could beat: what lapsed in
    it is not told of, but runs anew.
    """

    def __init__(self, store: AgentStore, every_seconds: float, outage: timedelta) -> None:
        self._store = store
        self._every_seconds = every_seconds
        self._outage = outage

    async def run(self) -> None:
        """Sweeps until cancelled. Outages of the database are waited out."""
        while True:
            try:
                await self.sweep()
            except RookeryError as error:
                _log.warning("lease sweep waits", reason=error.reason)
            await asyncio.sleep(self._every_seconds)

    async def sweep(self) -> int:
        """Makes offline every agent whose lease has run out, and answers how many."""
        swept = 0
        while True:
            async with self._store.begin_expiry() as leases:
                if not await leases.note_sweep(self._outage):
                    return swept
                lapsed = await leases.expire(_BATCH)
                await leases.announce(*(AgentChanged(AgentChange.OFFLINE, agent, agent.revision) for agent in lapsed))
            for agent in lapsed:
                _log.info("lease ran out", tenant=agent.tenant, agent_id=agent.id, session_epoch=agent.session_epoch)
            swept += len(lapsed)
            if len(lapsed) < _BATCH:
                return swept
