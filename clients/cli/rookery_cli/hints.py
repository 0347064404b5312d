"""What to do about a refusal."""

from collections.abc import Mapping

_HINTS: Mapping[str, str] = {
    "AGENT_NOT_FOUND": "`rookery agents list` shows the agents there are",
    "INVALID_FILTER": "docs/registry.md has the whole language",
    "QUOTA_EXCEEDED": "an administrator of the first tenant sees and raises quotas: `rookery tenants show`, `update`",
    "FIRST_TENANT_ONLY": "this is for the installation's administrators; use a key of the first tenant",
    "RECIPIENT_NOT_FOUND": "`rookery agents list` shows the agents there are; one must have registered to get messages",
    "TOPIC_NOT_FOUND": "`rookery topics list` shows the topics there are",
    "TASK_NOT_FOUND": "`rookery tasks list` shows the tasks there are",
    "TASK_ENDED": "`rookery tasks show ID` shows how it ended",
    "MCP_SERVER_NOT_FOUND": "`rookery servers list` shows the servers there are",
    "MCP_SERVER_EXISTS": "choose another name, or `rookery servers delete` the one there is",
    "MCP_SERVER_DISABLED": "the server is registered and switched off; register it anew to use it",
    "MCP_SERVER_UNAVAILABLE": "the tool-executor's log, logs/tool_executor.log in the data dir, says more",
    "TOOL_NOT_FOUND": "`rookery tools list --server NAME` shows the tools the server offers",
    "TOOL_ARGUMENTS_INVALID": "`rookery tools list --server NAME --json` shows the schema of the arguments",
    "TOOL_TIMEOUT": "give it longer with --timeout SECONDS",
    "COMMAND_NOT_ALLOWED": "an operator allows commands in the tool-executor's allow-list, in rookery.yaml",
    "ENDPOINT_NOT_ALLOWED": "an operator allows private addresses in the tool-executor's settings, in rookery.yaml",
    "EXECUTION_AMBIGUOUS": "check whether the tool has acted before calling it again",
    "CREDENTIAL_INVALID": "check the API key: $ROOKERY_API_KEY, or the file that the context names",
    "TOKEN_INVALID": "check that the context names the services of one and the same suite",
    "TOKEN_REVOKED": "try again; a new token is earned then",
    "API_KEY_NOT_FOUND": "`rookery keys list` shows the API keys there are",
    "API_KEY_ENDED": "`rookery keys create` makes a new one",
    "ENROLLMENT_TOKEN_NOT_FOUND": "`rookery enrollments list` shows the enrolment tokens there are",
    "ROTATION_IN_PROGRESS": "`rookery signing-keys list` shows when the new key takes over",
    "ROLE_NOT_FOUND": "`rookery roles list` shows the roles there are",
    "ROLE_BUILT_IN": "create a role of your own with `rookery roles create`",
    "BINDING_NOT_FOUND": "`rookery roles bindings` shows who has which role by a binding",
    "TENANT_NOT_FOUND": "`rookery tenants list` shows the tenants there are",
    "TENANT_EXISTS": "choose another name; that of a deleted tenant is not given out again",
    "TENANT_SUSPENDED": "an administrator of the first tenant serves it again with `rookery tenants resume`",
    "PERMISSION_MISSING": "use a key whose role has this permission",
    "INVALID_FIELD": "add --help to the command to see what it takes",
    "REQUEST_ID_REUSED": "leave --request-id out, or repeat the very same request",
    "DEAD_LETTER_NOT_FOUND": "`rookery dlq list` shows the dead letters there are",
    "DEAD_LETTER_SETTLED": "`rookery dlq show ID` shows what became of it",
    "MAILBOX_FULL": "wait until the agent has caught up with its messages",
    "DATABASE_UNAVAILABLE": "try again in a moment; `rookery status` shows what is up",
    "BUS_UNAVAILABLE": "try again in a moment; `rookery status` shows what is up",
    "SERVICE_UNAVAILABLE": "try again in a moment; `rookery status` shows what is up",
    "SHUTTING_DOWN": "try again in a moment; `rookery status` shows what is up",
    "DEADLINE_EXCEEDED": "try again; `rookery status` shows what is up",
    "INTERNAL": "the fault's id is in the service's log: logs/ in the data dir",
}


def hint_for(reason: str, filter_example: str = "") -> str:
    """What to do about a refusal with this reason; empty where the message says it all.

    `filter_example` is a filter that the command takes.
    """
    hint = _HINTS.get(reason, "")
    return f"such as: {filter_example}; {hint}" if filter_example and reason == "INVALID_FILTER" else hint
