"""The JSON documents of everything that is shown. Their keys are stable; times are RFC 3339, durations seconds."""

import base64
import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from rookery.orchestrator.v1 import message_pb2, payload_pb2, task_pb2
from rookery.registry.v1 import agent_pb2, agent_search_pb2, mcp_server_pb2
from rookery.tool_executor.v1 import tool_pb2
from rookery_sdk import PayloadInvalid, decode

from rookery_cli.times import rfc3339, seconds


def agent_document(agent: agent_pb2.Agent) -> dict[str, Any]:
    """An agent."""
    return {
        "id": agent.id,
        "name": agent.name,
        "status": agent_pb2.AgentStatus.Name(agent.status).removeprefix("AGENT_STATUS_"),
        "capabilities": list(agent.capabilities),
        "description": agent.description,
        "labels": dict(agent.labels),
        "type": agent.type,
        "version": agent.version,
        "endpoint": agent.endpoint,
        "skills": [skill_document(skill) for skill in agent.skills],
        "config": MessageToDict(agent.config),
        "draining": agent.draining,
        "subject": agent.subject,
        "tenant": agent.tenant,
        "session_epoch": agent.session_epoch,
        "lease_seconds": seconds(agent.lease_duration),
        "lease_expire_time": rfc3339(agent.lease_expire_time),
        "create_time": rfc3339(agent.create_time),
        "update_time": rfc3339(agent.update_time),
        "etag": agent.etag,
    }


def skill_document(skill: agent_pb2.AgentSkill) -> dict[str, Any]:
    """What an agent can do, described."""
    return {"id": skill.id, "name": skill.name, "description": skill.description, "tags": list(skill.tags)}


def match_document(match: agent_search_pb2.AgentMatch) -> dict[str, Any]:
    """An agent that fits; without a load when it has reported none of late."""
    load = {
        "in_flight": match.load.in_flight,
        "capacity": match.load.capacity,
        "error_rate": match.load.error_rate,
        "mean_response_ms": match.load.mean_response_ms,
        "report_time": rfc3339(match.load.report_time),
    }
    known = match.HasField("load")
    return {"agent": agent_document(match.agent), "cost": match.cost, "load": load if known else None}


def task_document(task: task_pb2.Task) -> dict[str, Any]:
    """A task, with its attempts where they were asked for."""
    return {
        "id": task.id,
        "title": task.title,
        "capability": task.capability,
        "state": task_pb2.TaskState.Name(task.state).removeprefix("TASK_STATE_"),
        "priority": task.priority,
        "progress": task.progress,
        "progress_message": task.progress_message,
        "agent_id": task.agent_id or None,
        "attempts": task.attempts,
        "max_attempts": task.max_attempts,
        "lease_epoch": task.lease_epoch,
        "lease_seconds": seconds(task.lease_duration),
        "lease_expire_time": rfc3339(task.lease_expire_time),
        "input": payload_document(task.input),
        "output": payload_document(task.output),
        "error": {"reason": task.error.reason, "message": task.error.message} if task.HasField("error") else None,
        "labels": dict(task.labels),
        "creator": task.creator,
        "tenant": task.tenant,
        "revision": task.revision,
        "create_time": rfc3339(task.create_time),
        "update_time": rfc3339(task.update_time),
        "end_time": rfc3339(task.end_time),
        "deadline": rfc3339(task.deadline),
        "attempt_history": [_attempt_document(attempt) for attempt in task.attempt_history],
    }


def server_document(server: mcp_server_pb2.McpServer) -> dict[str, Any]:
    """An MCP server. Values of its environment may be secrets and are left out."""
    stdio = server.HasField("stdio")
    return {
        "id": server.id,
        "name": server.name,
        "description": server.description,
        "transport": "stdio" if stdio else "streamable_http",
        "command": [server.stdio.command, *server.stdio.args] if stdio else None,
        "env_names": sorted(server.stdio.env) if stdio else None,
        "cwd": server.stdio.cwd or None if stdio else None,
        "url": None if stdio else server.streamable_http.url,
        "enabled": server.enabled,
        "tenant": server.tenant,
        "create_time": rfc3339(server.create_time),
        "update_time": rfc3339(server.update_time),
        "etag": server.etag,
    }


def tool_document(tool: tool_pb2.Tool) -> dict[str, Any]:
    """A tool."""
    return {
        "server": tool.server,
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "input_schema": _json(tool.input_schema),
        "output_schema": _json(tool.output_schema),
        "read_only_hint": tool.read_only_hint,
        "idempotent_hint": tool.idempotent_hint,
        "destructive_hint": tool.destructive_hint,
    }


def execution_document(execution: tool_pb2.Execution) -> dict[str, Any]:
    """The record of a tool call."""
    return {
        "id": execution.id,
        "server": execution.server,
        "tool": execution.tool,
        "state": tool_pb2.ExecutionState.Name(execution.state).removeprefix("EXECUTION_STATE_"),
        "is_error": execution.is_error,
        "content": [_content_document(content) for content in execution.content],
        "structured_content": _json(execution.structured_content),
        "arguments": _json(execution.arguments),
        "task_id": execution.task_id or None,
        "subject": execution.subject,
        "delegates": list(execution.delegates),
        "tenant": execution.tenant,
        "error_reason": execution.error_reason or None,
        "error_message": execution.error_message or None,
        "create_time": rfc3339(execution.create_time),
        "duration_seconds": seconds(execution.duration) if execution.HasField("duration") else None,
    }


def message_document(message: message_pb2.Message) -> dict[str, Any]:
    """A message, without its content."""
    return {
        "id": message.id,
        "sender": message.sender,
        "delegates": list(message.delegates),
        "recipient_agent_id": message.recipient_agent_id,
        "priority": message_pb2.Priority.Name(message.priority).removeprefix("PRIORITY_"),
        "type": message.type,
        "correlation_id": message.correlation_id or None,
        "reply_to_agent_id": message.reply_to_agent_id or None,
        "create_time": rfc3339(message.create_time),
    }


def payload_document(payload: payload_pb2.Payload) -> dict[str, Any] | None:
    """A payload: its value where it is JSON or text, its bytes in base64 otherwise; None for none."""
    if not payload.content_type and not payload.data:
        return None
    try:
        value = decode(payload)
    except PayloadInvalid:
        value = payload.data
    content = {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else {"value": value}
    return {"content_type": payload.content_type, **content}


def _attempt_document(attempt: task_pb2.TaskAttempt) -> dict[str, Any]:
    outcome = task_pb2.AttemptOutcome.Name(attempt.outcome).removeprefix("ATTEMPT_OUTCOME_")
    return {
        "lease_epoch": attempt.lease_epoch,
        "agent_id": attempt.agent_id,
        "start_time": rfc3339(attempt.start_time),
        "end_time": rfc3339(attempt.end_time),
        "outcome": None if outcome == "UNSPECIFIED" else outcome,
        "error_message": attempt.error_message or None,
    }


def _content_document(content: tool_pb2.Content) -> dict[str, Any]:
    match content.WhichOneof("kind"):
        case "text":
            return {"text": content.text}
        case "blob":
            encoded = base64.b64encode(content.blob.data).decode()
            return {"content_type": content.blob.content_type, "base64": encoded}
        case _:
            return {"resource_uri": content.resource_uri}


def _json(text: bytes) -> Any:  # noqa: ANN401 -- whatever the JSON holds
    return json.loads(text) if text else None
