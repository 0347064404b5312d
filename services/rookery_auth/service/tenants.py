"""The life of tenants, but for their end."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from rookery_kit.clock import Clock, new_id
from rookery_kit.identity import FIRST_TENANT, Principal
from rookery_kit.identity_feed import Quotas
from rookery_kit.postgres.paging import PageToken, page_size
from rookery_kit.request_id import RequestIdReused

from rookery_auth.credential import API_KEY_PREFIX, CredentialMint
from rookery_auth.model import (
    ERASING_SERVICES,
    ApiKey,
    Tenant,
    TenantDeleted,
    TenantExists,
    TenantLife,
    TenantProtected,
    require_etag,
)
from rookery_auth.store import TenantStore

ADMINISTRATOR = "user:admin"


@dataclass(frozen=True, slots=True)
class CreateTenant:
    """What is asked for. An empty request_id gives no protection against repetition."""

    request_id: str
    tenant: str
    display_name: str
    quotas: Quotas


@dataclass(frozen=True, slots=True)
class UpdateTenant:
    """What is asked for; None leaves an attribute as it is, an empty etag changes whatever is there."""

    tenant: str
    etag: str
    display_name: str | None
    quotas: Quotas | None


class Tenants:
    """Creates, reads and changes tenants. Every change is heard by all services within two seconds."""

    def __init__(self, store: TenantStore, mint: CredentialMint, clock: Clock) -> None:
        self._store = store
        self._mint = mint
        self._clock = clock

    async def create(self, principal: Principal, command: CreateTenant) -> tuple[Tenant, str]:
        """A new tenant and the secret of its administrator's key; the same pair again for the same request_id.

        A day later, or once the key has been rotated or has ended, the secret is empty: it is the tenant's own by then.
        Raises TenantExists, RequestIdReused.
        """
        now = self._clock.now()
        display_name = command.display_name or command.tenant
        key_id = _key_id(principal, command)
        secret = self._mint.mint(API_KEY_PREFIX, key_id)
        key = ApiKey(
            id=key_id,
            tenant=command.tenant,
            subject=ADMINISTRATOR,
            roles=("admin",),
            digest=self._mint.digest(secret),
            create_time=now,
            expire_time=None,
            display_name="administrator",
            creator=principal.subject,
        )
        asked = Tenant(command.tenant, display_name, TenantLife.ACTIVE, command.quotas, 1, now, now)
        created = await self._store.create(asked, key)
        if created is None:
            raise TenantExists(command.tenant)
        tenant, kept = created
        unchanged = tenant.revision > 1 or (tenant.display_name, tenant.quotas) == (display_name, command.quotas)
        if not unchanged:
            raise RequestIdReused
        return tenant, secret if kept.may_repeat_secret(1, now) else ""

    async def get(self, tenant: str) -> Tenant:
        """One tenant. Raises TenantNotFound."""
        return await self._store.find(tenant)

    async def page(self, size: int, token: str, life: TenantLife | None) -> tuple[list[Tenant], str]:
        """A page of tenants by id, and the token of the next. Raises InvalidPageToken."""
        listing = f"tenants {life}"
        (after,) = PageToken.decode(listing, token) or ("",)
        limit = page_size(size)
        found = list(await self._store.page(after, life, limit + 1))
        page = found[:limit]
        return page, PageToken.encode(listing, page[-1].id) if len(found) > limit else ""

    async def update(self, command: UpdateTenant) -> Tenant:
        """Replaces attributes. Raises TenantNotFound, TenantDeleted, EtagMismatch."""
        async with self._store.change(command.tenant) as change:
            tenant = change.tenant
            if tenant.life.ended:
                raise TenantDeleted(tenant.id)
            require_etag(command.etag, tenant.revision)
            display_name = tenant.display_name if command.display_name is None else command.display_name or tenant.id
            return await change.update(display_name, tenant.quotas if command.quotas is None else command.quotas)

    async def suspend(self, tenant: str) -> Tenant:
        """Refuses its tokens and credentials. Raises TenantNotFound, TenantDeleted, TenantProtected."""
        _require_not_first(tenant)
        return await self._move(tenant, TenantLife.SUSPENDED)

    async def resume(self, tenant: str) -> Tenant:
        """Serves it again. Raises TenantNotFound, TenantDeleted."""
        return await self._move(tenant, TenantLife.ACTIVE)

    async def delete(self, tenant: str, etag: str) -> Tenant:
        """Begins to erase it; repeated, answers how far that is.

        Raises TenantNotFound, TenantProtected, EtagMismatch.
        """
        _require_not_first(tenant)
        async with self._store.change(tenant) as change:
            if change.tenant.life.ended:
                return change.tenant
            require_etag(etag, change.tenant.revision)
            return await change.begin_erasure(ERASING_SERVICES)

    async def _move(self, tenant: str, life: TenantLife) -> Tenant:
        async with self._store.change(tenant) as change:
            if change.tenant.life.ended:
                raise TenantDeleted(tenant)
            return change.tenant if change.tenant.life is life else await change.move(life)


def _require_not_first(tenant: str) -> None:
    if tenant == FIRST_TENANT:
        raise TenantProtected(tenant)


def _key_id(principal: Principal, command: CreateTenant) -> str:
    if not command.request_id:
        return new_id()
    return str(uuid5(UUID(command.request_id), f"{principal.tenant}/{principal.subject}/tenant/{command.tenant}"))
