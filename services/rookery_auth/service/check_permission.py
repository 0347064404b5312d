"""Whether a subject may do something, and why."""

from collections.abc import Iterable, Mapping

from rookery_kit.built_in_roles import BUILT_IN_ROLES
from rookery_kit.contract import DeclaredMethod, holds
from rookery_kit.errors import InvalidArgument
from rookery_kit.identity import FIRST_TENANT, Principal

from rookery_auth.model import Decision, HeldRole, RoleGrant
from rookery_auth.store import PolicyStore

_ALL = frozenset({"*:*"})


class CheckPermission:
    """Answers for the callers' own tenant."""

    def __init__(self, store: PolicyStore, methods: Iterable[DeclaredMethod]) -> None:
        self._store = store
        self._methods = {method.full_name: method for method in methods}

    async def permission(self, principal: Principal, subject: str, permission: str) -> Decision:
        """Whether a subject (empty: the principal, as its token says) holds a permission."""
        whose = subject or principal.subject
        grants = await self._grants(principal, subject, permission)
        if not subject and not grants and principal.permits(permission):
            # By a delegation, or by a role that has changed since the token was issued.
            return Decision(
                allowed=True, permission=permission, grants=(), explanation=f"{whose} may: its token says so"
            )
        if grants:
            said = "; ".join(f"{grant.role} ({grant.source}) permits {grant.permission}" for grant in grants)
            return Decision(allowed=True, permission=permission, grants=grants, explanation=f"{whose} may: {said}")
        return Decision(
            allowed=False,
            permission=permission,
            grants=(),
            explanation=f"{whose} may not: nothing that it has permits {permission}",
        )

    async def method(self, principal: Principal, subject: str, name: str) -> Decision:
        """Whether a subject may call a method. Raises InvalidArgument for one that there is not."""
        declared = self._methods.get(name.removeprefix("/"))
        if declared is None:
            text = f"there is no method {name}"
            raise InvalidArgument(text, (("method", text),))
        if not declared.permission:
            return Decision(
                allowed=True, permission="", grants=(), explanation="the method is public: it needs no token"
            )
        decision = await self.permission(principal, subject, declared.permission)
        if decision.allowed and declared.installation and principal.tenant != FIRST_TENANT:
            return Decision(
                allowed=False,
                permission=declared.permission,
                grants=decision.grants,
                explanation=f"the method serves callers of the tenant {FIRST_TENANT} only",
            )
        return decision

    async def _grants(self, principal: Principal, subject: str, permission: str) -> tuple[RoleGrant, ...]:
        if subject:
            held = list(await self._store.held_roles(principal.tenant, subject))
        elif principal.permits(permission):
            held = [HeldRole(role, "token") for role in principal.roles]
        else:
            # Its roles may permit it, and its token was narrowed.
            held = []
        own = {role.name: role.permissions for role in await self._store.roles_named(principal.tenant, _names(held))}
        return tuple(grant for each in held if (grant := _grant(each, own, permission)) is not None)


def _names(held: Iterable[HeldRole]) -> list[str]:
    return [each.role for each in held]


def _grant(held: HeldRole, own: Mapping[str, frozenset[str]], permission: str) -> RoleGrant | None:
    by = holds(BUILT_IN_ROLES.get(held.role, own.get(held.role, frozenset())), permission)
    if not by or not holds(held.scopes or _ALL, permission):
        return None
    return RoleGrant(held.role, by, held.source)
