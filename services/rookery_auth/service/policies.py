"""The roles of a tenant and their bindings."""

from collections.abc import Iterable
from dataclasses import dataclass

from rookery_kit.built_in_roles import BUILT_IN_ROLES, DESCRIPTIONS
from rookery_kit.errors import PermissionMissing
from rookery_kit.identity import Principal
from rookery_kit.postgres.paging import PageToken, page_size

from rookery_auth.model import Role, RoleBinding, RoleBuiltIn, RoleExists, RoleNotFound, narrowed, require_etag
from rookery_auth.service.revocations import Revocations
from rookery_auth.store import PolicyStore


@dataclass(frozen=True, slots=True)
class UpdateRole:
    """What is asked for; None leaves an attribute as it is, an empty etag changes whatever is there."""

    name: str
    etag: str
    description: str | None
    permissions: frozenset[str] | None


class Policies:
    """Changes and lists roles and bindings. Nobody gives away more than they hold.

    What narrows revokes the tokens that carry it in the same transaction. Methods that change something are to run
    in the shared transaction of the principal's tenant.
    """

    def __init__(self, store: PolicyStore, revocations: Revocations) -> None:
        self._store = store
        self._revocations = revocations

    async def create(self, principal: Principal, name: str, description: str, permissions: frozenset[str]) -> Role:
        """A new role. Raises RoleExists, PermissionMissing."""
        if name in BUILT_IN_ROLES:
            raise RoleExists(name)
        require_held(principal, permissions)
        return await self._store.add_role(principal.tenant, Role(name, description, permissions))

    async def update(self, principal: Principal, command: UpdateRole) -> Role:
        """Replaces attributes. Raises RoleNotFound, RoleBuiltIn, EtagMismatch, PermissionMissing."""
        role = await self._locked(principal.tenant, command.name, command.etag)
        permissions = role.permissions if command.permissions is None else command.permissions
        # What the role permits already is given away anew, to whoever will be bound to it.
        require_held(principal, permissions)
        description = role.description if command.description is None else command.description
        updated = await self._store.update_role(principal.tenant, role.name, description, permissions)
        if narrowed(role.permissions, permissions):
            await self._revocations.role(principal.tenant, role.name)
        return updated

    async def delete(self, principal: Principal, name: str, etag: str) -> None:
        """Removes a role with its bindings. Raises RoleNotFound, RoleBuiltIn, EtagMismatch."""
        role = await self._locked(principal.tenant, name, etag)
        await self._store.remove_role(principal.tenant, role.name)
        await self._revocations.role(principal.tenant, role.name)

    async def bind(self, principal: Principal, subject: str, role: str) -> RoleBinding:
        """Gives a role to a subject. Raises RoleNotFound, PermissionMissing."""
        require_held(principal, await self._permissions(principal.tenant, role))
        return await self._store.bind(principal.tenant, subject, role, principal.subject)

    async def unbind(self, principal: Principal, subject: str, role: str) -> None:
        """Takes a bound role away. Raises BindingNotFound."""
        await self._store.unbind(principal.tenant, subject, role)
        await self._revocations.subject(principal.tenant, subject)

    async def roles(self, tenant: str, size: int, token: str) -> tuple[list[Role], str]:
        """A page of all roles, built-in and own, by name, and the token of the next. Raises InvalidPageToken."""
        (after,) = PageToken.decode("roles", token) or ("",)
        limit = page_size(size)
        built_in = [
            Role(name, DESCRIPTIONS[name], permissions, built_in=True) for name, permissions in BUILT_IN_ROLES.items()
        ]
        every = sorted((*built_in, *await self._store.roles(tenant)), key=lambda role: role.name)
        found = [role for role in every if role.name > after]
        page = found[:limit]
        return page, PageToken.encode("roles", page[-1].name) if len(found) > limit else ""

    async def bindings(
        self, tenant: str, size: int, token: str, *, subject: str, role: str
    ) -> tuple[list[RoleBinding], str]:
        """A page of bindings by subject and role, and the token of the next. Raises InvalidPageToken."""
        listing = f"bindings {subject} {role}"
        decoded = PageToken.decode(listing, token, keys=2)
        after = (decoded[0], decoded[1]) if decoded else None
        limit = page_size(size)
        found = list(await self._store.bindings(tenant, subject=subject, role=role, after=after, limit=limit + 1))
        page = found[:limit]
        return page, PageToken.encode(listing, page[-1].subject, page[-1].role) if len(found) > limit else ""

    async def _locked(self, tenant: str, name: str, etag: str) -> Role:
        if name in BUILT_IN_ROLES:
            raise RoleBuiltIn(name)
        role = await self._store.lock_role(tenant, name)
        require_etag(etag, role.revision)
        return role

    async def _permissions(self, tenant: str, role: str) -> frozenset[str]:
        if role in BUILT_IN_ROLES:
            return BUILT_IN_ROLES[role]
        found = await self._store.roles_named(tenant, [role])
        if not found:
            raise RoleNotFound(role)
        return found[0].permissions


def require_held(principal: Principal, permissions: Iterable[str]) -> None:
    """Raises PermissionMissing, naming the first, unless the principal holds every one of the permissions."""
    for permission in sorted(permissions):
        if not principal.permits(permission):
            raise PermissionMissing(permission)
