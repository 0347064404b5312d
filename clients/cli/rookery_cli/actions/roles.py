"""Roles, and who has them."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from rookery.auth.v1 import policy_service_pb2, role_pb2
from rookery_kit.contract import declared_methods
from rookery_sdk import Client

from rookery_cli.output import Column, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago, rfc3339

_COLUMNS = (
    Column("NAME", lambda role: role["name"], fixed=True),
    Column("KIND", lambda role: "built-in" if role["built_in"] else "own", fixed=True),
    Column("DESCRIPTION", lambda role: role["description"]),
    Column("PERMISSIONS", lambda role: _in_short(role["permissions"])),
)
_BINDING_COLUMNS = (
    Column("SUBJECT", lambda binding: binding["subject"], fixed=True),
    Column("ROLE", lambda binding: binding["role"], fixed=True),
    Column("BOUND BY", lambda binding: binding["creator"]),
    Column("BOUND", lambda binding: ago(binding["create_time"])),
)
_ALL = Extent(None)
_SHOWN = 3


def _in_short(permissions: Sequence[str]) -> str:
    """The first few; a listing as JSON has them all."""
    left = len(permissions) - _SHOWN
    return ", ".join([*permissions[:_SHOWN], f"and {left} more"] if left > 1 else permissions)


def role_document(role: role_pb2.Role) -> dict[str, Any]:
    """A role."""
    return {
        "name": role.name,
        "description": role.description,
        "permissions": list(role.permissions),
        "built_in": role.built_in,
        "etag": role.etag or None,
        "create_time": rfc3339(role.create_time),
        "update_time": rfc3339(role.update_time),
    }


def _binding_document(binding: role_pb2.RoleBinding) -> dict[str, Any]:
    return {
        "subject": binding.subject,
        "role": binding.role,
        "creator": binding.creator,
        "create_time": rfc3339(binding.create_time),
    }


async def all_roles(client: Client) -> list[role_pb2.Role]:
    """Every role of the tenant, built-in ones included, by name."""
    return (await _roles(client, _ALL))[0]


async def _roles(client: Client, extent: Extent) -> tuple[list[role_pb2.Role], bool]:
    async def fetch(size: int, token: str) -> tuple[Sequence[role_pb2.Role], str]:
        request = policy_service_pb2.ListRolesRequest(page_size=size, page_token=token)
        page = await client.policies.ListRoles(request, timeout=CALL_SECONDS)
        return page.roles, page.next_page_token

    return await collect(fetch, extent)


async def list_roles(client: Client, extent: Extent, output: Output) -> None:
    """Shows roles by name."""
    roles, more = await _roles(client, extent)
    output.listing("roles", [role_document(role) for role in roles], _COLUMNS, more=more)


async def create_role(client: Client, name: str, description: str, permissions: Sequence[str], output: Output) -> None:
    """Creates a role."""
    request = policy_service_pb2.CreateRoleRequest(
        request_id=str(uuid4()), name=name, description=description, permissions=permissions
    )
    response = await client.policies.CreateRole(request, timeout=CALL_SECONDS)
    output.done(role_document(response.role), f"role {name} is created")


async def update_role(
    client: Client, name: str, description: str | None, permissions: Sequence[str], output: Output
) -> None:
    """Replaces the description and, where some are given, the permissions."""
    request = policy_service_pb2.UpdateRoleRequest(request_id=str(uuid4()), name=name)
    if description is not None:
        request.update_mask.paths.append("description")
        request.description = description
    if permissions:
        request.update_mask.paths.append("permissions")
        request.permissions.extend(permissions)
    response = await client.policies.UpdateRole(request, timeout=CALL_SECONDS)
    output.done(role_document(response.role), f"role {name} is updated")


async def delete_role(client: Client, name: str, output: Output) -> None:
    """Deletes a role with its bindings."""
    request = policy_service_pb2.DeleteRoleRequest(request_id=str(uuid4()), name=name)
    await client.policies.DeleteRole(request, timeout=CALL_SECONDS)
    output.done({"name": name}, f"role {name} is deleted")


async def bind_role(client: Client, subject: str, role: str, output: Output) -> None:
    """Gives a role to a subject."""
    request = policy_service_pb2.BindRoleRequest(request_id=str(uuid4()), subject=subject, role=role)
    response = await client.policies.BindRole(request, timeout=CALL_SECONDS)
    output.done(_binding_document(response.binding), f"{subject} has the role {role}")


async def unbind_role(client: Client, subject: str, role: str, output: Output) -> None:
    """Takes a bound role away."""
    request = policy_service_pb2.UnbindRoleRequest(request_id=str(uuid4()), subject=subject, role=role)
    await client.policies.UnbindRole(request, timeout=CALL_SECONDS)
    output.done({"subject": subject, "role": role}, f"{subject} has the role {role} no more")


async def list_bindings(client: Client, subject: str, role: str, extent: Extent, output: Output) -> None:
    """Shows bindings by subject and role."""

    async def fetch(size: int, token: str) -> tuple[Sequence[role_pb2.RoleBinding], str]:
        request = policy_service_pb2.ListBindingsRequest(page_size=size, page_token=token, subject=subject, role=role)
        page = await client.policies.ListBindings(request, timeout=CALL_SECONDS)
        return page.bindings, page.next_page_token

    bindings, more = await collect(fetch, extent)
    output.listing("bindings", [_binding_document(binding) for binding in bindings], _BINDING_COLUMNS, more=more)


def _full_name(method: str) -> str:
    """The method that the matrix prints like this, such as `TaskService/GetTask`; else as it is."""
    return next((each.full_name for each in declared_methods() if each.full_name.endswith(f".{method}")), method)


async def check_permission(client: Client, subject: str, question: str, output: Output) -> bool:
    """Shows whether a subject may do something, and why; answers whether it may."""
    request = policy_service_pb2.CheckPermissionRequest(subject=subject)
    if "/" in question:
        request.method = _full_name(question)
    else:
        request.permission = question
    answer = await client.policies.CheckPermission(request, timeout=CALL_SECONDS)
    grants = [{"role": each.role, "permission": each.permission, "source": each.source} for each in answer.grants]
    document = {"allowed": answer.allowed, "permission": answer.permission or None, "grants": grants}
    output.done({**document, "explanation": answer.explanation}, answer.explanation)
    return answer.allowed
