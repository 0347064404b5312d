"""Taking tokens back."""

from datetime import datetime, timedelta

from rookery_kit.clock import Clock
from rookery_kit.identity import Principal
from rookery_kit.identity_feed import RevocationKind, TokenRevoked
from rookery_kit.identity_feed import Revocations as KnownRevocations

from rookery_auth.store import RevocationStore

# Tokens are accepted a little before their `iat` and times differ between machines.
_MARGIN = timedelta(minutes=1)


class Revocations:
    """Revokes so that every service refuses the tokens within two seconds of the commit.

    Each method joins the shared transaction of the tenant where there is one. `longest_lifetime` is the longest that
    any token lives, also one that was issued under other settings.
    """

    def __init__(self, store: RevocationStore, clock: Clock, longest_lifetime: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._lifetime = longest_lifetime + _MARGIN

    def tokens_expire(self) -> datetime:
        """When the last of the tokens issued until now has expired, whatever clocks say."""
        return self._clock.now() + self._lifetime

    async def token(self, tenant: str, token_id: str, expire_time: datetime | None = None) -> None:
        """Revokes one token for good, with what was delegated by it; `expire_time` is its own, where it is known."""
        end = self.tokens_expire() if expire_time is None else expire_time + _MARGIN
        await self._store.revoke(RevocationKind.TOKEN, tenant, token_id, end, end)
        await self._store.revoke(RevocationKind.SESSION, tenant, token_id, end, end)

    async def subject(self, tenant: str, subject: str) -> None:
        """Revokes every token that a subject has, or with which it acts, until now; later ones are good."""
        await self._store.revoke_until_now(tenant, [(RevocationKind.SUBJECT, subject)], self._lifetime)

    async def role(self, tenant: str, role: str) -> None:
        """Revokes every token that carries a role or was delegated by one that does, until now; later ones are good."""
        targets = [(RevocationKind.ROLE, role), (RevocationKind.SESSION, role_session(role))]
        await self._store.revoke_until_now(tenant, targets, self._lifetime)

    async def require_good(self, principal: Principal) -> datetime:
        """Raises TokenRevoked when the token behind a principal is revoked, also by what nobody has heard of yet.

        Answers a time, by the database's clock, at which that was not so: what revokes the token later revokes up to a
        later time.
        """
        targets = [principal.token_id, principal.subject, *principal.session_ids, *principal.actors, *principal.roles]
        known = KnownRevocations()
        found, read_time = await self._store.of(principal.tenant, targets)
        for each in found:
            known.apply(each.known)
        if known.revokes(principal):
            raise TokenRevoked
        return read_time


def role_session(role: str) -> str:
    """What a delegated token bears for a role that it may owe something to, though it does not carry it."""
    return f"role:{role}"
