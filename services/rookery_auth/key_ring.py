"""The signing keys as this process knows them, read anew from the database all the time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from rookery_kit.access_token import public_key
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_auth.master_key import MasterKey
from rookery_auth.model import SigningKey, SigningKeyState
from rookery_auth.signing import open_private_key
from rookery_auth.store import SigningKeyStore

_EVERY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class KeyRing:
    """Says which key signs, and which verify. Times are the database's, so that all replicas agree."""

    def __init__(self, store: SigningKeyStore, master_key: MasterKey, clock: Clock) -> None:
        self._store = store
        self._master_key = master_key
        self._clock = clock
        self._keys: Sequence[SigningKey] = ()
        self._ahead = timedelta()
        self._opened: dict[str, tuple[bytes, Ed25519PrivateKey]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._told: list[Callable[[Sequence[str]], Awaitable[None]]] = []

    def on_reading(self, told: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        """Has `told` hear the ids of the published keys after each reading."""
        self._told.append(told)

    async def refresh(self) -> None:
        """Reads the keys. Raises CannotStart when the master key is not theirs, DatabaseUnavailable."""
        # What was read earlier must not be told later: it may name a key that has ended.
        async with self._one_at_a_time:
            await self._read()
            for told in self._told:
                await told([key.kid for key in self.published()])

    async def _read(self) -> None:
        keys, now = await self._store.list_in_use()
        self._ahead = now - self._clock.now()
        known = [key.kid for key in self._keys]
        self._keys = keys
        self._opened = {
            key.kid: self._open(key, key.encrypted_private)
            for key in keys
            if key.encrypted_private is not None and (key.retire_time is None or key.retire_time > now)
        }
        if known and known != [key.kid for key in keys]:
            _log.info("signing keys changed", kids=[key.kid for key in keys])

    def _open(self, key: SigningKey, sealed: bytes) -> tuple[bytes, Ed25519PrivateKey]:
        """What is sealed and what it holds. One that was sealed anew is opened anew: the master key may be another."""
        known = self._opened.get(key.kid)
        return known if known and known[0] == sealed else (sealed, open_private_key(key, self._master_key))

    async def run(self) -> None:
        """Reads the keys every second, and wipes those that have retired, until cancelled."""
        while True:
            try:
                await self.refresh()
                await self._store.wipe_retired()
            except RookeryError as error:
                _log.warning("signing keys not read", reason=error.reason)
            await asyncio.sleep(_EVERY_SECONDS)

    def now(self) -> datetime:
        """The time by the database's clock, as near as this process knows it."""
        return self._clock.now() + self._ahead

    def signing(self) -> tuple[str, Ed25519PrivateKey]:
        """The id and the private part of the key that signs at this moment."""
        now = self.now()
        active = [key for key in self._keys if key.state(now) is SigningKeyState.ACTIVE and key.kid in self._opened]
        # A clock that was set back must not leave the service without a key.
        chosen = max(active or self._keys, key=lambda key: key.activate_time)
        return chosen.kid, self._opened[chosen.kid][1]

    def published(self) -> tuple[SigningKey, ...]:
        """The keys that verify every token in use or about to be."""
        now = self.now()
        return tuple(key for key in self._keys if key.state(now) is not SigningKeyState.RETIRED)

    async def public_keys(self) -> Mapping[str, Ed25519PublicKey]:
        """The public parts of those, by key id."""
        return {key.kid: public_key(key.public_x) for key in self.published()}
