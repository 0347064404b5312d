"""Revocations, as use cases see them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from rookery_kit.identity_feed import RevocationKind

from rookery_auth.model import Revocation


class RevocationStore(Protocol):
    """Revocations. Each is kept and announced to every service in one transaction."""

    async def revoke(
        self, kind: RevocationKind, tenant: str, target: str, revoke_time: datetime, expire_time: datetime
    ) -> None:
        """Keeps a revocation and announces it after the commit; within a shared transaction of the tenant it joins.

        Of two for one target the later times count.
        """
        ...

    async def revoke_until_now(
        self, tenant: str, targets: Sequence[tuple[RevocationKind, str]], token_lifetime: timedelta
    ) -> None:
        """Keeps and announces, as `revoke` does, that tokens earned before the commit are refused.

        They are those that bear a time read from the database before it. Raises DatabaseUnavailable, having done
        nothing, when the commit comes too late for that.
        """
        ...

    async def of(self, tenant: str, targets: Sequence[str]) -> tuple[Sequence[Revocation], datetime]:
        """Those in force of a tenant whose target is among these, of whatever kind.

        And a time by the database's clock before the reading.
        """
        ...

    async def replay(self) -> None:
        """Announces all that are in force again."""
        ...

    async def waiting(self) -> bool:
        """Whether something announced to every service has not left yet."""
        ...

    async def expired(self, limit: int) -> Sequence[Revocation]:
        """At most `limit` of those that have expired."""
        ...

    async def forget(self, revocations: Sequence[Revocation]) -> None:
        """Removes those that have expired and were not revoked again."""
        ...
