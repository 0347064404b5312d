"""The roles that come with Rookery and what they permit; part of the contract, like the permissions of the methods."""

from collections.abc import Mapping

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
