"""Rotating the keys that sign access tokens."""

from datetime import datetime, timedelta

from rookery_kit.clock import Clock
from rookery_kit.postgres.paging import PageToken, page_size

from rookery_auth.master_key import MasterKey
from rookery_auth.model import SigningKey, SigningKeyState
from rookery_auth.signing import new_signing_key
from rookery_auth.store import SigningKeyStore

# Longer than verifiers' leeway, and than a replica needs to notice that another key signs now.
_MARGIN = timedelta(minutes=1)
_LISTING = "signing_keys"


class SigningKeys:
    """Rotates and lists signing keys. `activation_delay` gives every service the time to learn of a new one."""

    def __init__(
        self,
        store: SigningKeyStore,
        master_key: MasterKey,
        clock: Clock,
        *,
        activation_delay: timedelta,
        token_lifetime: timedelta,
    ) -> None:
        self._store = store
        self._master_key = master_key
        self._clock = clock
        self._activation_delay = activation_delay
        self._overlap = token_lifetime + _MARGIN

    async def rotate(self, *, compromised: bool) -> tuple[SigningKey, SigningKeyState]:
        """A new key and its state. Where `compromised`, every other key ends at once with all that it signed.

        Joins the shared transaction of the first tenant. Raises RotationInProgress.
        """
        key = new_signing_key(self._master_key, self._clock.now())
        if compromised:
            kept = await self._store.replace(key)
        else:
            kept = await self._store.rotate(key, self._activation_delay, self._overlap)
        return kept, kept.state(kept.create_time)

    async def list(self, size: int, token: str) -> tuple[list[tuple[SigningKey, SigningKeyState]], str]:
        """A page of keys with their states, newest first, and the token of the next. Raises InvalidPageToken."""
        place = PageToken.decode(_LISTING, token, keys=2)
        before = (datetime.fromisoformat(place[0]), place[1]) if place else None
        limit = page_size(size)
        found, now = await self._store.list(before, limit + 1)
        page = found[:limit]
        more = PageToken.encode(_LISTING, page[-1].create_time.isoformat(), page[-1].kid) if len(found) > limit else ""
        return [(key, key.state(now)) for key in page], more
