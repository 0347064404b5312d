"""What the next token of a credential permits."""

from dataclasses import dataclass, replace
from datetime import datetime

from rookery_kit.built_in_roles import BUILT_IN_ROLES
from rookery_kit.identity_feed import TenantSuspended

from rookery_auth.model import Identity, TenantLife
from rookery_auth.store import EntitlementStore, Standing


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Who a token speaks for, with every role that counts at this moment, and what they permit together.

    A token that says so bears `read_time`, which is before the moment at which it was true, or later than
    `revoked_until`, where that is not None: tokens issued until then are refused.
    """

    identity: Identity
    permissions: frozenset[str]
    read_time: datetime
    revoked_until: datetime | None


class Entitlements:
    """Looks up what the next token of a subject permits."""

    def __init__(self, store: EntitlementStore) -> None:
        self._store = store

    async def of(self, identity: Identity) -> Entitlement:
        """What the credential of an identity entitles to at this moment. Raises as `entitlement` does."""
        return entitlement(identity, await self._store.standing(identity.tenant, identity.subject, identity.roles))


def entitlement(identity: Identity, standing: Standing) -> Entitlement:
    """What a credential entitles to whose subject stands so: by built-in roles, the tenant's own, and bound ones.

    A role that is there no more is simply absent. Raises TenantSuspended unless the tenant is active.
    """
    if standing.life is not TenantLife.ACTIVE:
        raise TenantSuspended(identity.tenant)
    roles: list[str] = []
    permissions: set[str] = set()
    for role in dict.fromkeys((*identity.roles, *standing.bound_roles)):
        granted = BUILT_IN_ROLES.get(role, standing.custom.get(role))
        if granted is not None:
            roles.append(role)
            permissions |= granted
    named = replace(identity, roles=tuple(roles))
    return Entitlement(named, frozenset(permissions), standing.read_time, standing.revoked_until)
