"""The roles that come with Rookery and what they permit; part of the contract, like the permissions of the methods."""

from collections.abc import Mapping

# What everybody may who may do anything: give back a token of its own.
_OWN_TOKEN = frozenset({"tokens:revoke"})
_READ = _OWN_TOKEN | {
    "agents:read",
    "tasks:read",
    "mcp_servers:read",
    "tools:read",
    "executions:read",
    "messages:read",
    "topics:read",
    "topics:subscribe",
    "dead_letters:read",
    "roles:read",
}
_AGENT = _OWN_TOKEN | {
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
    # Its own mailbox and messages alone; more takes messages:manage.
    "messages:read",
    "messages:purge",
    "dead_letters:read",
    "topics:read",
    "topics:join",
    "topics:publish",
    "topics:subscribe",
    "mcp_servers:read",
    "tools:read",
    "tools:call",
}
_TESTER = _READ | {"tasks:create", "tasks:cancel", "messages:send", "topics:publish", "tools:call"}
# Whoever enrols agents must hold what these may.
_DEVELOPER = (
    _TESTER
    | _AGENT
    | {
        "enrollments:create",
        "enrollments:read",
        "enrollments:revoke",
        "mcp_servers:create",
        "mcp_servers:delete",
        "messages:broadcast",
        "topics:create",
        "dead_letters:manage",
    }
)

BUILT_IN_ROLES: Mapping[str, frozenset[str]] = {
    "admin": frozenset({"*:*"}),
    "tech-lead": _DEVELOPER
    | {
        "agents:*",
        "tasks:*",
        "mcp_servers:*",
        "messages:*",
        "topics:*",
        "dead_letters:*",
        "api_keys:read",
        "audit:read",
        "tokens:introspect",
    },
    "developer": _DEVELOPER,
    "tester": _TESTER,
    "observer": _READ,
    "agent": _AGENT,
    "service": _READ | {"agents:manage", "tokens:introspect"},
}

DESCRIPTIONS: Mapping[str, str] = {
    "admin": "Everything within the tenant; in the first tenant, the installation as well",
    "tech-lead": "All of agents, tasks, servers, messages, topics, dead letters; reads keys, roles and the audit log",
    "developer": "Enrols agents, adds MCP servers, creates topics, settles dead letters, and works",
    "tester": "Reads everything, creates tasks, sends messages, calls tools",
    "observer": "Reads",
    "agent": "Registers, takes tasks and mail, calls tools",
    "service": "Reads, keeps agents' records, introspects tokens",
}
"""What each is for."""

ADMIN_ONLY = frozenset(
    {
        "api_keys:create",
        "api_keys:revoke",
        "api_keys:rotate",
        "roles:bind",
        "roles:create",
        "roles:delete",
        "roles:update",
        "signing_keys:read",
        "signing_keys:rotate",
        "tenants:create",
        "tenants:delete",
        "tenants:read",
        "tenants:suspend",
        "tenants:update",
    }
)
"""What no role but `admin` permits: who holds one of these can come to hold every other."""
