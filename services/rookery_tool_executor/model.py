"""What the tool-executor talks about: servers, tools, executions, and the errors a caller may see."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from rookery_kit.errors import (
    Aborted,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    RookeryError,
    Unavailable,
)


@dataclass(frozen=True, slots=True)
class StdioTransport:
    """How to start a server as a child process. `env` may hold secrets and is left out of every representation."""

    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    cwd: str = ""


@dataclass(frozen=True, slots=True)
class StreamableHttpTransport:
    """Where to reach a server over HTTP."""

    url: str


Transport = StdioTransport | StreamableHttpTransport


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server as the registry last told. `etag` changes with every update."""

    id: str
    tenant: str
    name: str
    transport: Transport
    enabled: bool
    etag: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as its server describes it. The schemas are UTF-8 JSON; an empty output schema means none."""

    server: str
    name: str
    title: str
    description: str
    input_schema: bytes
    output_schema: bytes
    read_only: bool
    idempotent: bool
    destructive: bool

    @property
    def repeatable(self) -> bool:
        """Whether calling it again with the same arguments adds no effect, as its server says."""
        return self.read_only or self.idempotent


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of an answer that is text."""

    text: str


@dataclass(frozen=True, slots=True)
class Blob:
    """A piece of an answer that is bytes of a media type."""

    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ResourceReference:
    """A piece of an answer that names a resource of the server."""

    uri: str


Content = Text | Blob | ResourceReference


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool answered. `structured` is UTF-8 JSON, empty when there is none; `is_error` is the tool's own word."""

    content: tuple[Content, ...]
    structured: bytes = b""
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class UnavailableServer:
    """A server that could not be asked for its tools, and why."""

    server: str
    reason: str
    message: str


class ExecutionState(StrEnum):
    """How an execution stands; the names are those of the contract."""

    RESERVED = "RESERVED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    AMBIGUOUS = "AMBIGUOUS"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call as asked for. `arguments` is the JSON object as it came; `task_id` and `request_id` may be empty.

    `delegates` act for the subject, the nearest first; empty when nobody does. Who asks again may be another of them.
    """

    tenant: str
    subject: str
    server: str
    tool: str
    arguments: bytes
    task_id: str = ""
    request_id: str = ""
    delegates: tuple[str, ...] = ()

    @property
    def digest(self) -> bytes:
        """What tells this call from another one under the same request_id."""
        parts = (self.server.encode(), self.tool.encode(), self.task_id.encode(), self.arguments)
        return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()


@dataclass(frozen=True, slots=True)
class Execution:
    """The record of one call. `duration` is None while the outcome is not known."""

    id: str
    call: ToolCall
    state: ExecutionState
    answer: ToolAnswer | None
    error_reason: str
    error_message: str
    create_time: datetime
    duration: timedelta | None


class McpServerNotFound(NotFound):
    """No such MCP server in the caller's tenant."""

    reason = "MCP_SERVER_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"no MCP server {name!r} is registered", server=name)


class McpServerDisabled(FailedPrecondition):
    """The server is registered and switched off."""

    reason = "MCP_SERVER_DISABLED"

    def __init__(self, name: str) -> None:
        super().__init__(f"the MCP server {name!r} is switched off", server=name)


class ToolNotFound(NotFound):
    """The server offers no tool of that name."""

    reason = "TOOL_NOT_FOUND"

    def __init__(self, server: str, tool: str) -> None:
        super().__init__(f"the MCP server {server!r} offers no tool {tool!r}", server=server, tool=tool)


class ToolArgumentsInvalid(InvalidArgument):
    """The arguments are not what the tool's input schema asks for; the violations name each path."""

    reason = "TOOL_ARGUMENTS_INVALID"


class RequestIdReused(InvalidArgument):
    """The request_id came before with another call under it."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self) -> None:
        super().__init__(
            "this request_id was used for another call",
            violations=(("request_id", "was used before with a different server, tool, task or arguments"),),
        )


class CommandNotAllowed(PermissionDenied):
    """The operator's allow-list does not hold the stdio command. Nothing was started."""

    reason = "COMMAND_NOT_ALLOWED"


class EndpointNotAllowed(PermissionDenied):
    """The endpoint resolves to an address that is not allowed. Nothing was connected."""

    reason = "ENDPOINT_NOT_ALLOWED"


class McpServerUnavailable(Unavailable):
    """The server could not be started or reached. The tool was not called."""

    reason = "MCP_SERVER_UNAVAILABLE"


class CallInterrupted(McpServerUnavailable):
    """The session ended during the call, or its answer broke the protocol: the tool may have acted.

    The outcome is recorded for good, so the caller is not invited to ask for it again.
    """

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message, retry_after=None, **metadata)


class ToolTimeout(DeadlineExceeded):
    """The tool did not answer within its time-out. It may still have acted."""

    reason = "TOOL_TIMEOUT"


class AnswerTooLarge(ResourceExhausted):
    """The tool answered with more than is kept. It has acted."""

    reason = "MESSAGE_TOO_LARGE"


class ExecutionAmbiguous(Aborted):
    """An earlier attempt under this request_id may have taken effect, and was not repeated."""

    reason = "EXECUTION_AMBIGUOUS"

    def __init__(self, execution_id: str) -> None:
        super().__init__(
            "an earlier attempt under this request_id was lost during the call and may have taken effect",
            execution_id=execution_id,
        )


class FenceLost(Aborted):
    """Another executor has taken the execution over; this one's outcome does not count."""

    reason = "LEASE_LOST"

    def __init__(self, execution_id: str) -> None:
        super().__init__("another executor has taken this execution over", execution_id=execution_id)


class ExecutionInProgress(Unavailable):
    """The same request_id is being executed at this moment."""

    reason = "EXECUTION_IN_PROGRESS"

    def __init__(self, execution_id: str) -> None:
        super().__init__("this request_id is being executed", retry_after=1.0, execution_id=execution_id)


_RECORDED: dict[str, type[RookeryError]] = {
    error.reason: error for error in (CallInterrupted, ToolTimeout, AnswerTooLarge, ToolArgumentsInvalid)
}


def recorded_error(execution: Execution) -> RookeryError:
    """The error that a failed execution ended with, as its first caller saw it. Only for one with an error_reason."""
    return _RECORDED[execution.error_reason](execution.error_message)
