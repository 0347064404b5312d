"""Calling tools."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import duration_pb2
from rookery.tool_executor.v1 import tool_pb2, tool_service_pb2

from rookery_sdk import payload
from rookery_sdk.errors import RookeryError, ToolError
from rookery_sdk.patience import patiently

if TYPE_CHECKING:
    from rookery.tool_executor.v1.tool_service_pb2_grpc import ToolServiceAsyncStub

# What the service gives a tool when no time-out is asked for, and what the answer may take on top.
_DEFAULT_TIMEOUT = 30.0
_MARGIN = 15.0


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered.

    `structured` is its structured content, None when it gave none. `is_error` is the tool's own word that it failed;
    `text` then says why. `execution` is the whole record, with content that is neither text nor structured.
    """

    text: str
    structured: Any
    is_error: bool
    execution: tool_pb2.Execution

    @classmethod
    def of(cls, execution: tool_pb2.Execution) -> "ToolResult":
        """The result in the record of an execution."""
        return cls(
            text="\n".join(each.text for each in execution.content if each.WhichOneof("kind") == "text"),
            structured=json.loads(execution.structured_content) if execution.structured_content else None,
            is_error=execution.is_error,
            execution=execution,
        )


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call. `timeout` is what the tool may take, in seconds; None leaves it to the service (30 s)."""

    server: str
    tool: str
    arguments: Mapping[str, object]
    timeout: float | None = None

    def encoded_arguments(self) -> bytes:
        """The arguments as canonical JSON: equal arguments give equal bytes. Raises PayloadInvalid."""
        return payload.to_json(dict(self.arguments), sort_keys=True) if self.arguments else b""


async def call_tool(
    stub: "ToolServiceAsyncStub", call: ToolCall, *, request_id: str, task_id: str = "", patience: float
) -> ToolResult:
    """Calls a tool, repeating under the same request_id while the executor or the server is away. Raises ToolError.

    Under one request_id the tool acts once; a repetition answers what was recorded.
    """
    request = tool_service_pb2.CallToolRequest(
        request_id=request_id,
        server=call.server,
        tool=call.tool,
        arguments=call.encoded_arguments(),
        task_id=task_id,
    )
    if call.timeout is not None:
        request.timeout.CopyFrom(_duration(call.timeout))
    deadline = (call.timeout or _DEFAULT_TIMEOUT) + _MARGIN

    async def attempt() -> tool_service_pb2.CallToolResponse:
        return await stub.CallTool(request, timeout=deadline)

    try:
        response = await patiently(attempt, patience=patience)
    except RookeryError as error:
        raise ToolError(call.server, call.tool, error) from None
    return ToolResult.of(response.execution)


def _duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    return duration
