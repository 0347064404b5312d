"""Health follows the dependencies."""

import asyncio

import structlog

from rookery_kit.errors import Unavailable
from rookery_kit.foundation import Foundation
from rookery_kit.rate_limits import RateLimiter
from rookery_kit.rpc.server import RpcServer

RATE_LIMITS = "rookery.rate_limits"
"""The name under which health answers whether limits hold over all replicas."""
_EVERY_SECONDS = 1.0
_LIMITS_EVERY_SECONDS = 0.1
_log = structlog.get_logger(__name__)


class HealthWatch:
    """Answers health checks NOT_SERVING while the database or the bus does not answer.

    So it does while rate limits do not hold over all replicas, if calls are refused for that; `RATE_LIMITS` is
    NOT_SERVING then in any case.
    """

    def __init__(self, foundation: Foundation, server: RpcServer, limiter: RateLimiter) -> None:
        self._foundation = foundation
        self._server = server
        self._limiter = limiter

    async def run(self) -> None:
        """Watches the database and the bus until cancelled."""
        serving = True
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            answering = await self._answering()
            if answering != serving:
                serving = answering
                await self._server.set_serving(serving=serving)

    async def run_limits(self) -> None:
        """Watches the rate limits until cancelled; questions that a frozen bus lets wait do not hold this up."""
        reconciled: bool | None = None
        while True:
            if self._limiter.reconciled != reconciled:
                reconciled = self._limiter.reconciled
                await self._server.set_health(RATE_LIMITS, serving=reconciled)
            await asyncio.sleep(_LIMITS_EVERY_SECONDS)

    async def _answering(self) -> bool:
        try:
            await self._foundation.database.ping()
            await self._foundation.bus.ping()
        except Unavailable as error:
            _log.warning("not serving", reason=error.reason)
            return False
        if self._limiter.refusing:
            _log.warning("not serving", reason="RATE_LIMITER_UNAVAILABLE")
            return False
        return True
