"""When API keys were last used, written now and then instead of at each use."""

import asyncio
from datetime import datetime

import structlog
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_auth.store import ApiKeyStore

_EVERY_SECONDS = 5.0
_MOST = 100_000
_log = structlog.get_logger(__name__)


class KeyUses:
    """Remembers uses and writes them in one statement. A process that is killed loses a few seconds of them."""

    def __init__(self, store: ApiKeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._uses: dict[str, datetime] = {}

    def note(self, key_id: str) -> None:
        """A key was used at this moment."""
        if len(self._uses) < _MOST or key_id in self._uses:
            self._uses[key_id] = self._clock.now()

    async def run(self) -> None:
        """Writes what was noted every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Writes what was noted; keeps it where the database does not answer."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            await self._store.touch(uses)
        except RookeryError as error:
            _log.warning("uses of API keys wait", reason=error.reason, waiting=len(uses))
            self._uses = {**uses, **self._uses}
