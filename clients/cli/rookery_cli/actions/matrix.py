"""Which role may call which method."""

from collections.abc import Mapping

from rookery_kit.built_in_roles import BUILT_IN_ROLES
from rookery_kit.contract import DeclaredMethod, declared_methods, holds
from rookery_kit.identity import FIRST_TENANT
from rookery_sdk import Client

from rookery_cli.actions.roles import all_roles
from rookery_cli.output import Column, Document, Output

_YES, _NO = "yes", "-"


async def own_roles(client: Client) -> dict[str, frozenset[str]]:
    """The tenant's own roles."""
    return {role.name: frozenset(role.permissions) for role in await all_roles(client) if not role.built_in}


def show_matrix(own: Mapping[str, frozenset[str]], output: Output) -> None:
    """Shows every method with the roles that may call it; built-in roles first."""
    roles = {**BUILT_IN_ROLES, **own}
    methods = [_document(method, roles) for method in declared_methods()]
    if output.as_json:
        output.json({"roles": list(roles), "methods": methods})
        return
    output.table(methods, (*_METHOD_COLUMNS, *(_column(role) for role in roles)))


def _demanded(method: Document) -> str:
    permission = method["permission"] or "public"
    return f"{permission} @{FIRST_TENANT}" if method["installation"] else permission


_METHOD_COLUMNS = (
    Column("METHOD", lambda method: method["method"].rpartition(".")[2]),
    Column("PERMISSION", _demanded),
)


def _column(role: str) -> Column:
    return Column(role, lambda method: _YES if role in method["roles"] else _NO, fixed=True)


def _document(method: DeclaredMethod, roles: Mapping[str, frozenset[str]]) -> Document:
    allowed = [
        name for name, permissions in roles.items() if not method.permission or holds(permissions, method.permission)
    ]
    return {
        "method": method.full_name,
        "permission": method.permission or None,
        "public": not method.permission,
        "installation": method.installation,
        "roles": allowed,
    }
