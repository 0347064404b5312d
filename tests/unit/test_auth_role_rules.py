from datetime import UTC, datetime

import pytest
from rookery_auth.model import Identity, TenantLife, narrowed
from rookery_auth.service.entitlements import entitlement
from rookery_auth.service.policies import require_held
from rookery_auth.store import Standing
from rookery_kit.built_in_roles import ADMIN_ONLY, BUILT_IN_ROLES, DESCRIPTIONS
from rookery_kit.contract import declared_methods, holds
from rookery_kit.errors import PermissionMissing
from rookery_kit.identity import Principal
from rookery_kit.identity_feed import TenantSuspended

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def identity(*roles: str) -> Identity:
    return Identity("user:jane", "acme", roles, {})


def principal(*permissions: str) -> Principal:
    return Principal("user:jane", "acme", (), frozenset(permissions), "token", NOW)


@pytest.mark.capability("A5")
def test_every_permission_in_the_contract_is_held_by_a_role_or_is_the_administrators_alone() -> None:
    demanded = {method.permission for method in declared_methods() if method.permission}
    narrow = [permissions for role, permissions in BUILT_IN_ROLES.items() if role != "admin"]
    held = {permission for permission in demanded if any(holds(permissions, permission) for permissions in narrow)}
    assert demanded - held == ADMIN_ONLY & demanded
    assert demanded >= ADMIN_ONLY, "an administrator's permission that no method demands"
    assert held.isdisjoint(ADMIN_ONLY)


@pytest.mark.capability("A5")
def test_every_built_in_role_is_there_and_permits_something() -> None:
    assert set(BUILT_IN_ROLES) == {"admin", "tech-lead", "developer", "tester", "observer", "agent", "service"}
    assert all(BUILT_IN_ROLES.values())
    assert set(DESCRIPTIONS) == set(BUILT_IN_ROLES)


@pytest.mark.capability("A5")
def test_built_in_own_and_bound_roles_add_up_and_unknown_ones_are_absent() -> None:
    standing = Standing(TenantLife.ACTIVE, ("scribe", "gone"), {"scribe": frozenset({"notes:write"})}, NOW, NOW)
    entitled = entitlement(identity("tester", "observer", "deleted"), standing)
    assert entitled.identity.roles == ("tester", "observer", "scribe")
    assert entitled.permissions == BUILT_IN_ROLES["tester"] | BUILT_IN_ROLES["observer"] | {"notes:write"}
    assert entitled.revoked_until == NOW


@pytest.mark.capability("A5")
def test_no_role_of_a_tenant_takes_the_place_of_a_built_in_one() -> None:
    standing = Standing(TenantLife.ACTIVE, (), {"observer": frozenset({"*:*"})}, NOW)
    assert entitlement(identity("observer"), standing).permissions == BUILT_IN_ROLES["observer"]


@pytest.mark.capability("A6")
@pytest.mark.parametrize("life", [None, TenantLife.SUSPENDED, TenantLife.DELETING, TenantLife.DELETED])
def test_nobody_is_entitled_to_anything_in_a_tenant_that_is_not_active(life: TenantLife | None) -> None:
    with pytest.raises(TenantSuspended):
        entitlement(identity("admin"), Standing(life, (), {}, NOW))


@pytest.mark.parametrize(
    ("permission", "by"),
    [("tasks:read", "tasks:*"), ("agents:read", "*:read"), ("agents:manage", ""), ("keys:create", "keys:create")],
)
def test_a_wildcard_stands_in_either_place(permission: str, by: str) -> None:
    held = frozenset({"tasks:*", "*:read", "keys:create"})
    assert holds(held, permission) == by
    assert principal(*held).permits(permission) == bool(by)


@pytest.mark.capability("A5")
@pytest.mark.parametrize("wanted", ["*:*", "tasks:*", "*:read", "agents:manage"])
def test_nobody_gives_away_a_wildcard_wider_than_their_own(wanted: str) -> None:
    with pytest.raises(PermissionMissing):
        require_held(principal("tasks:read", "agents:read"), [wanted])
    require_held(principal("*:*"), [wanted])
    require_held(principal(wanted), [wanted])


def test_taking_a_permission_away_narrows_and_adding_one_does_not() -> None:
    assert narrowed({"a:b", "c:d"}, {"a:b"})
    assert not narrowed({"a:b"}, {"a:b", "c:d"})
