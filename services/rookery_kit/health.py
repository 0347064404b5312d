"""Health follows the dependencies."""

import asyncio

import structlog

from rookery_kit.errors import Unavailable
from rookery_kit.foundation import Foundation
from rookery_kit.rpc.server import RpcServer

_EVERY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class HealthWatch:
    """Answers health checks NOT_SERVING while the database or the bus does not answer."""

    def __init__(self, foundation: Foundation, server: RpcServer) -> None:
        self._foundation = foundation
        self._server = server

    async def run(self) -> None:
        """Watches until cancelled."""
        serving = True
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            answering = await self._answering()
            if answering != serving:
                serving = answering
                await self._server.set_serving(serving=serving)

    async def _answering(self) -> bool:
        try:
            await self._foundation.database.ping()
            await self._foundation.bus.ping()
        except Unavailable as error:
            _log.warning("not serving", reason=error.reason)
            return False
        return True
