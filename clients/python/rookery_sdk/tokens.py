"""The access token in use, renewed well before it expires."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_log = logging.getLogger("rookery_sdk")

# Renewed when so much of the lifetime is left; what is left covers an auth service that is away for a while.
_LEFT_AT_RENEWAL = 0.4
_SHORTEST_LIFETIME = 10.0
_PAUSE_AFTER_FAILURE = 1.0


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token; `lifetime` is in seconds from its receipt."""

    value: str
    lifetime: float
    subject: str

    def __repr__(self) -> str:
        return f"AccessToken(subject={self.subject!r})"


class Credential(Protocol):
    """Something that earns access tokens."""

    async def earn(self) -> AccessToken:
        """A new access token. Raises Unauthenticated when the credential is not accepted, Unavailable and the like."""
        ...


class AccessTokens:
    """Holds one access token and renews it. Of many that ask at once, one renews and all wait for it."""

    def __init__(self, credential: Credential, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._credential = credential
        self._monotonic = monotonic
        self._token: AccessToken | None = None
        self._renew_at = 0.0
        self._expires_at = 0.0
        self._renewal: asyncio.Task[AccessToken] | None = None

    async def current(self) -> AccessToken:
        """A token that is good for a while. Waits for the credential only when there is no such token."""
        token, now = self._token, self._monotonic()
        if token is None or now >= self._expires_at:
            return await self._renewed()
        if now >= self._renew_at and self._renewal is None:
            self._start_renewal()
        return token

    async def replaced(self, refused: AccessToken) -> AccessToken:
        """A token other than the one that was refused: the one that came since, or a new one."""
        if self._token is None or self._token is refused:
            return await self._renewed()
        return self._token

    async def close(self) -> None:
        """Gives up a renewal that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait({self._renewal})

    async def _renewed(self) -> AccessToken:
        # Shielded: that one caller gives up must not cut the exchange off for the others.
        return await asyncio.shield(self._renewal or self._start_renewal())

    def _start_renewal(self) -> "asyncio.Task[AccessToken]":
        self._renewal = asyncio.create_task(self._renew(), name="rookery token renewal")
        self._renewal.add_done_callback(self._renewal_ended)
        return self._renewal

    async def _renew(self) -> AccessToken:
        token = await self._credential.earn()
        lifetime = max(token.lifetime, _SHORTEST_LIFETIME)
        self._token = token
        self._expires_at = self._monotonic() + lifetime
        self._renew_at = self._expires_at - lifetime * _LEFT_AT_RENEWAL
        return token

    def _renewal_ended(self, renewal: "asyncio.Task[AccessToken]") -> None:
        self._renewal = None
        if renewal.cancelled():
            return
        error = renewal.exception()
        if error is not None:
            # Told here, since a renewal ahead of time has nobody who waits for it.
            _log.warning("the access token could not be renewed: %s", error)
            self._renew_at = self._monotonic() + _PAUSE_AFTER_FAILURE
