"""Handing out API keys."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from rookery_kit.clock import Clock, new_id
from rookery_kit.identity import EVERY_PERMISSION, Principal
from rookery_kit.identity_feed import TenantStates
from rookery_kit.postgres.paging import PageToken, page_size
from rookery_kit.request_id import RequestIdReused

from rookery_auth.credential import API_KEY_PREFIX, CredentialMint
from rookery_auth.model import ApiKey, Identity, RoleUnknown
from rookery_auth.permissions import narrowed_to
from rookery_auth.service.entitlements import Entitlements
from rookery_auth.service.policies import require_held
from rookery_auth.service.revocations import Revocations
from rookery_auth.store import ApiKeyStore

DEFAULT_OVERLAP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CreateApiKey:
    """What is asked for. An empty request_id gives no protection against repetition; `ttl` None means for ever."""

    request_id: str
    display_name: str
    subject: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    requests_per_second: int
    ttl: timedelta | None


class ApiKeys:
    """Creates, rotates and revokes the API keys of a tenant. Nobody hands out more than they hold, now or later."""

    def __init__(
        self,
        store: ApiKeyStore,
        entitlements: Entitlements,
        tenants: TenantStates,
        mint: CredentialMint,
        clock: Clock,
        revocations: Revocations,
    ) -> None:
        self._store = store
        self._entitlements = entitlements
        self._tenants = tenants
        self._mint = mint
        self._clock = clock
        self._revocations = revocations

    async def create(self, principal: Principal, command: CreateApiKey) -> tuple[ApiKey, str]:
        """A new key and its secret; the same pair again for the same request_id, for a day while it is in force.

        The secret is empty for a later repetition. Raises PermissionMissing when the key would permit more than the
        principal may, or speaks for another and the principal may not do everything; RoleUnknown, QuotaExceeded,
        RequestIdReused.
        """
        subject = command.subject or principal.subject
        await self._require_held(principal, subject, command.roles, command.scopes)
        key_id = _key_id(principal, command.request_id)
        secret = self._mint.mint(API_KEY_PREFIX, key_id)
        now = self._clock.now()
        asked = ApiKey(
            id=key_id,
            tenant=principal.tenant,
            subject=subject,
            roles=command.roles,
            digest=self._mint.digest(secret),
            create_time=now,
            expire_time=None if command.ttl is None else now + command.ttl,
            display_name=command.display_name,
            creator=principal.subject,
            scopes=command.scopes,
            requests_per_second=command.requests_per_second,
        )
        kept = await self._store.add(asked, self._tenants.of(principal.tenant).quotas.max_api_keys)
        if _asked(kept) != _asked(asked):
            raise RequestIdReused
        return kept, secret if kept.may_repeat_secret(1, now) else ""

    async def get(self, tenant: str, key_id: str) -> ApiKey:
        """One key. Raises ApiKeyNotFound."""
        return await self._store.get(tenant, key_id)

    async def list(self, tenant: str, subject: str, size: int, token: str) -> tuple[list[ApiKey], str]:
        """A page of keys, newest first, and the token of the next. Raises InvalidPageToken."""
        listing = f"api_keys {subject}"
        place = PageToken.decode(listing, token, keys=2)
        before = (datetime.fromisoformat(place[0]), place[1]) if place else None
        limit = page_size(size)
        found = list(await self._store.list(tenant, subject, before, limit + 1))
        page = found[:limit]
        more = PageToken.encode(listing, page[-1].create_time.isoformat(), page[-1].id) if len(found) > limit else ""
        return page, more

    async def rotate(
        self, principal: Principal, key_id: str, request_id: str, overlap: timedelta | None
    ) -> tuple[ApiKey, str]:
        """A key with its next secret, and that; the same again for the same request_id, as with `create`.

        Raises ApiKeyNotFound, ApiKeyEnded, RequestIdReused, PermissionMissing as `create` does.
        """
        key = await self._store.get(principal.tenant, key_id)
        await self._require_held(principal, key.subject, key.roles, key.scopes)
        rotated = await self._store.rotate(
            principal.tenant,
            key_id,
            request_id,
            DEFAULT_OVERLAP if overlap is None else overlap,
            lambda nonce: self._mint.digest(self._mint.mint(API_KEY_PREFIX, key_id, nonce)),
        )
        tell = rotated.may_repeat_secret(rotated.generation, self._clock.now())
        return rotated, self._mint.mint(API_KEY_PREFIX, key_id, rotated.nonce) if tell else ""

    async def revoke(self, tenant: str, key_id: str) -> ApiKey:
        """Ends a key with all it has earned. Raises ApiKeyNotFound."""
        return await self._store.revoke(tenant, key_id, self._revocations.tokens_expire())

    async def _require_held(
        self, principal: Principal, subject: str, roles: tuple[str, ...], scopes: tuple[str, ...]
    ) -> None:
        entitlement = await self._entitlements.of(Identity(subject, principal.tenant, roles, {}))
        known = entitlement.identity.roles
        for role in roles:
            if role not in known:
                raise RoleUnknown(role)
        # Roles bound to the subject count: its tokens carry them whoever asked for the key.
        require_held(principal, narrowed_to(entitlement.permissions, scopes))
        if subject != principal.subject or principal.actors:
            # Roles that will be bound to the subject count as well, and nobody knows them yet.
            require_held(principal, (EVERY_PERMISSION,))


def _asked(key: ApiKey) -> tuple[object, ...]:
    ttl = None if key.expire_time is None else key.expire_time - key.create_time
    return (key.display_name, key.subject, key.roles, key.scopes, key.requests_per_second, ttl)


def _key_id(principal: Principal, request_id: str) -> str:
    if not request_id:
        return new_id()
    return str(uuid5(UUID(request_id), f"{principal.tenant}/{principal.subject}/api_key"))
