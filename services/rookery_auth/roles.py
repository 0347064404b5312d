"""The built-in roles and the permissions they carry."""

from collections.abc import Iterable, Mapping

from rookery_auth.model import RoleUnknown

_READ = frozenset({"agents:read", "tasks:read", "mcp_servers:read", "tools:read", "executions:read"})
_AGENT = frozenset(
    {
        "agents:register",
        "agents:read",
        "agents:update",
        "agents:deregister",
        "tasks:create",
        "tasks:read",
        "tasks:cancel",
        "tasks:work",
        "messages:send",
        "messages:receive",
        "mcp_servers:read",
        "tools:read",
        "tools:call",
    }
)
_DEVELOPER = _READ | {"tasks:create", "tasks:cancel", "messages:send", "tools:call"}

BUILT_IN_ROLES: Mapping[str, frozenset[str]] = {
    "admin": frozenset({"*:*"}),
    "tech-lead": _DEVELOPER | {"enrollments:create", "agents:*", "tasks:*", "mcp_servers:*"},
    "developer": _DEVELOPER | {"enrollments:create", "mcp_servers:create", "mcp_servers:delete"},
    "tester": _DEVELOPER,
    "observer": _READ,
    "agent": _AGENT,
    "service": _READ | {"agents:manage"},
}


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Everything that the roles together permit. Raises RoleUnknown."""
    permissions: set[str] = set()
    for role in roles:
        if role not in BUILT_IN_ROLES:
            raise RoleUnknown(role)
        permissions |= BUILT_IN_ROLES[role]
    return frozenset(permissions)
