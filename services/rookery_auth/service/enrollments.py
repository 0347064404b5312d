"""Handing out enrolment tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from rookery_kit.clock import Clock, new_id
from rookery_kit.identity import Principal
from rookery_kit.postgres.paging import PageToken, page_size
from rookery_kit.request_id import RequestIdReused

from rookery_auth.credential import ENROLLMENT_PREFIX, CredentialMint
from rookery_auth.model import EnrollmentToken, Identity, RoleUnknown
from rookery_auth.service.entitlements import Entitlements
from rookery_auth.service.policies import require_held
from rookery_auth.store import EnrollmentStore

_DEFAULT_ROLES = ("agent",)
# The agent to be has no subject yet, so nothing can be bound to it.
_NOBODY = ""
_LISTING = "enrollment_tokens"


@dataclass(frozen=True, slots=True)
class CreateEnrollmentToken:
    """What is asked for. An empty request_id gives no protection against repetition; `ttl` None means the default."""

    request_id: str
    roles: tuple[str, ...]
    labels: Mapping[str, str]
    ttl: timedelta | None


class Enrollments:
    """Creates, lists and revokes enrolment tokens."""

    def __init__(
        self,
        store: EnrollmentStore,
        entitlements: Entitlements,
        mint: CredentialMint,
        clock: Clock,
        default_ttl: timedelta,
    ) -> None:
        self._store = store
        self._entitlements = entitlements
        self._mint = mint
        self._clock = clock
        self._default_ttl = default_ttl

    async def create(self, principal: Principal, command: CreateEnrollmentToken) -> tuple[EnrollmentToken, str]:
        """A new token and its secret; the same pair again for the same request_id.

        Raises PermissionMissing when the roles permit more than the principal may, RoleUnknown, RequestIdReused.
        """
        roles = command.roles or _DEFAULT_ROLES
        entitled = await self._entitlements.of(Identity(_NOBODY, principal.tenant, roles, {}))
        for role in roles:
            if role not in entitled.identity.roles:
                raise RoleUnknown(role)
        require_held(principal, entitled.permissions)
        token_id = _token_id(principal, command.request_id)
        secret = self._mint.mint(ENROLLMENT_PREFIX, token_id)
        now = self._clock.now()
        ttl = command.ttl or self._default_ttl
        token = EnrollmentToken(
            id=token_id,
            tenant=principal.tenant,
            creator=principal.subject,
            roles=roles,
            labels=command.labels,
            digest=self._mint.digest(secret),
            create_time=now,
            expire_time=now + ttl,
        )
        kept = await self._store.add(token)
        same = kept.roles == roles and kept.labels == command.labels and kept.expire_time - kept.create_time == ttl
        if not same:
            raise RequestIdReused
        return kept, secret

    async def list(self, tenant: str, size: int, token: str) -> tuple[list[EnrollmentToken], str]:
        """A page of tokens, newest first, and the token of the next. Raises InvalidPageToken."""
        place = PageToken.decode(_LISTING, token, keys=2)
        before = (datetime.fromisoformat(place[0]), place[1]) if place else None
        limit = page_size(size)
        found = list(await self._store.list(tenant, before, limit + 1))
        page = found[:limit]
        more = PageToken.encode(_LISTING, page[-1].create_time.isoformat(), page[-1].id) if len(found) > limit else ""
        return page, more

    async def revoke(self, tenant: str, token_id: str) -> EnrollmentToken:
        """Ends a token for good. Raises EnrollmentTokenNotFound."""
        return await self._store.revoke(tenant, token_id)


def _token_id(principal: Principal, request_id: str) -> str:
    if not request_id:
        return new_id()
    return str(uuid5(UUID(request_id), f"{principal.tenant}/{principal.subject}/enrollment"))
