"""Roles and bindings, as use cases see them."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from rookery_auth.model import HeldRole, Role, RoleBinding


class PolicyStore(Protocol):
    """Custom roles and bindings. Methods join the shared transaction of the tenant where there is one."""

    async def add_role(self, tenant: str, role: Role) -> Role:
        """Keeps a new role. Raises RoleExists."""
        ...

    async def lock_role(self, tenant: str, name: str) -> Role:
        """A role, locked to the end of the shared transaction. Raises RoleNotFound."""
        ...

    async def update_role(self, tenant: str, name: str, description: str, permissions: frozenset[str]) -> Role:
        """Replaces both. Raises RoleNotFound."""
        ...

    async def remove_role(self, tenant: str, name: str) -> None:
        """Removes a role with its bindings."""
        ...

    async def roles(self, tenant: str) -> Sequence[Role]:
        """The tenant's own roles, by name."""
        ...

    async def roles_named(self, tenant: str, names: Iterable[str]) -> Sequence[Role]:
        """Those of the tenant's own roles that are named."""
        ...

    async def bind(self, tenant: str, subject: str, role: str, creator: str) -> RoleBinding:
        """Binds a role; answers the binding that there was, if there was one."""
        ...

    async def unbind(self, tenant: str, subject: str, role: str) -> None:
        """Takes a bound role away. Raises BindingNotFound."""
        ...

    async def bindings(
        self, tenant: str, *, subject: str, role: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[RoleBinding]:
        """At most `limit` bindings, by subject and role, after the pair named; of a subject and a role where given."""
        ...

    async def held_roles(self, tenant: str, subject: str) -> Sequence[HeldRole]:
        """What a subject has by bindings and by the credentials that are in force."""
        ...
