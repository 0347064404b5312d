"""Tenants, as use cases see them."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from rookery_kit.identity_feed import Quotas

from rookery_auth.model import ApiKey, Tenant, TenantLife


class TenantTransaction(Protocol):
    """A change of one tenant, which is locked. Every change is announced to all services after the commit."""

    @property
    def tenant(self) -> Tenant:
        """The tenant as it stands."""
        ...

    async def update(self, display_name: str, quotas: Quotas) -> Tenant:
        """Replaces both."""
        ...

    async def move(self, life: TenantLife) -> Tenant:
        """Goes on to ACTIVE or SUSPENDED."""
        ...

    async def begin_erasure(self, services: Sequence[str]) -> Tenant:
        """Goes on to DELETING, or to the next round of it, and tells the services named to erase."""
        ...

    async def end_erasure(self) -> Tenant:
        """Goes on to DELETED."""
        ...

    async def remind(self) -> None:
        """Tells once more to erase."""
        ...


class TenantStore(Protocol):
    """Tenants. Methods join the shared transaction of the first tenant where there is one."""

    async def create(self, tenant: Tenant, administrator: ApiKey) -> tuple[Tenant, ApiKey] | None:
        """Keeps a tenant with its administrator's key; answers what is kept, or None where the id is another's.

        A repetition, which names the same key, answers what the first call kept.
        """
        ...

    async def find(self, tenant: str) -> Tenant:
        """One tenant. Raises TenantNotFound."""
        ...

    async def page(self, after: str, life: TenantLife | None, limit: int) -> Sequence[Tenant]:
        """At most `limit` tenants, by id, after the one named."""
        ...

    def change(self, tenant: str) -> AbstractAsyncContextManager[TenantTransaction]:
        """A transaction that changes a tenant. Raises TenantNotFound."""
        ...

    async def next_erasures(self, settled: timedelta, untold: timedelta) -> Sequence[str]:
        """The tenants whose erasure can go on: all services have reported, in the first round `settled` ago.

        Also those of which the services were last told `untold` ago.
        """
        ...
