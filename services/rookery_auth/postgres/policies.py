"""Roles and bindings on Postgres."""

from collections.abc import Iterable, Sequence

from asyncpg import Record, UniqueViolationError
from rookery_kit.postgres import Database, Queries

from rookery_auth.model import BindingNotFound, HeldRole, Role, RoleBinding, RoleExists, RoleNotFound
from rookery_auth.postgres.standing import standing
from rookery_auth.store import Standing


class PostgresPolicies:
    """Implements PolicyStore and EntitlementStore."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def standing(self, tenant: str, subject: str, roles: tuple[str, ...]) -> Standing:
        """All that decides on the next token of a subject, in one query."""
        row = await self._row(tenant, "find_standing", subject, list(roles))
        assert row is not None
        return standing(row)

    async def add_role(self, tenant: str, role: Role) -> Role:
        """Keeps a new role. Raises RoleExists."""
        try:
            row = await self._row(tenant, "add_role", role.name, role.description, sorted(role.permissions))
        except UniqueViolationError:
            raise RoleExists(role.name) from None
        return _role(row, role.name)

    async def lock_role(self, tenant: str, name: str) -> Role:
        """A role, locked to the end of the shared transaction. Raises RoleNotFound."""
        return _role(await self._row(tenant, "lock_role", name), name)

    async def update_role(self, tenant: str, name: str, description: str, permissions: frozenset[str]) -> Role:
        """Replaces both. Raises RoleNotFound."""
        return _role(await self._row(tenant, "update_role", name, description, sorted(permissions)), name)

    async def remove_role(self, tenant: str, name: str) -> None:
        """Removes a role with its bindings."""
        await self._rows(tenant, "remove_role", name)

    async def roles(self, tenant: str) -> Sequence[Role]:
        """The tenant's own roles, by name."""
        return [_role(row, "") for row in await self._rows(tenant, "list_roles")]

    async def roles_named(self, tenant: str, names: Iterable[str]) -> Sequence[Role]:
        """Those of the tenant's own roles that are named."""
        return [_role(row, "") for row in await self._rows(tenant, "find_roles", list(names))]

    async def bind(self, tenant: str, subject: str, role: str, creator: str) -> RoleBinding:
        """Binds a role; answers the binding that there was, if there was one."""
        async with self._database.transaction(tenant) as connection:
            await connection.execute(self._queries["bind_role"], tenant, subject, role, creator)
            row = await connection.fetchrow(self._queries["find_binding"], tenant, subject, role)
        if row is None:
            raise BindingNotFound(subject, role)
        return RoleBinding(**row)

    async def unbind(self, tenant: str, subject: str, role: str) -> None:
        """Takes a bound role away. Raises BindingNotFound."""
        if await self._row(tenant, "unbind_role", subject, role) is None:
            raise BindingNotFound(subject, role)

    async def bindings(
        self, tenant: str, *, subject: str, role: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[RoleBinding]:
        """At most `limit` bindings, by subject and role."""
        begin = after or (None, None)
        rows = await self._rows(tenant, "list_bindings", *begin, subject or None, role or None, limit)
        return [RoleBinding(**row) for row in rows]

    async def held_roles(self, tenant: str, subject: str) -> Sequence[HeldRole]:
        """What a subject has by bindings and by the credentials that are in force."""
        rows = await self._rows(tenant, "list_held_roles", subject)
        return [HeldRole(row["role"], row["source"], frozenset(row["scopes"])) for row in rows]

    async def _row(self, tenant: str, query: str, *arguments: object) -> Record | None:
        async with self._database.transaction(tenant) as connection:
            return await connection.fetchrow(self._queries[query], tenant, *arguments)

    async def _rows(self, tenant: str, query: str, *arguments: object) -> Sequence[Record]:
        async with self._database.transaction(tenant) as connection:
            return await connection.fetch(self._queries[query], tenant, *arguments)


def _role(row: Record | None, name: str) -> Role:
    if row is None:
        raise RoleNotFound(name)
    return Role(
        name=row["name"],
        description=row["description"],
        permissions=frozenset(row["permissions"]),
        revision=row["revision"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )
