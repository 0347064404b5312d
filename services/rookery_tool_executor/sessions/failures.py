"""What the SDK's errors mean to a caller."""

from mcp import MCPError
from mcp_types import CONNECTION_CLOSED, INVALID_PARAMS, PARSE_ERROR, REQUEST_TIMEOUT
from pydantic import ValidationError
from rookery_kit.errors import RookeryError

from rookery_tool_executor.model import (
    CallInterrupted,
    EndpointNotAllowed,
    McpServerUnavailable,
    Text,
    ToolAnswer,
    ToolArgumentsInvalid,
)

FAILURE_MARK = "rookery.dev/failure"
Failure = EndpointNotAllowed | McpServerUnavailable
_TEXT_CHARACTERS = 500


def mark(failure: Failure) -> dict[str, str]:
    """The data of a JSON-RPC error that stands for a failure of this side's transport."""
    return {FAILURE_MARK: type(failure).__name__, "message": failure.message}


def failure_of(error: BaseException) -> RookeryError:
    """Why a session could not be opened or a listing not be had. Groups are searched for what says most."""
    if isinstance(error, RookeryError):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [failure_of(inner) for inner in error.exceptions]
        return next((failure for failure in found if isinstance(failure, EndpointNotAllowed)), found[0])
    if isinstance(error, MCPError):
        return _marked(error) or McpServerUnavailable(f"it answered: {_brief(error.message)}")
    if isinstance(error, ValidationError):
        return McpServerUnavailable("it answered what the protocol does not allow")
    if isinstance(error, TimeoutError):
        return McpServerUnavailable("it did not answer in time")
    return McpServerUnavailable(f"{type(error).__name__}: {_brief(str(error))}")


def refusal_or_answer(error: MCPError, obituary: str) -> ToolAnswer:
    """What an error on a call means. A JSON-RPC error that is the server's own word is answered as the tool's error.

    Raises the failure where the call broke, or ToolArgumentsInvalid.
    """
    if failure := _marked(error):
        raise failure from error
    if error.code in {CONNECTION_CLOSED, PARSE_ERROR, REQUEST_TIMEOUT}:
        raise CallInterrupted(f"the session ended during the call: {_brief(obituary)}") from error
    if error.code == INVALID_PARAMS:
        text = _brief(error.message)
        raise ToolArgumentsInvalid(f"the server refused the arguments: {text}", (("arguments", text),)) from error
    return ToolAnswer((Text(error.message),), is_error=True)


def _marked(error: MCPError) -> Failure | None:
    data = error.data
    if not isinstance(data, dict) or FAILURE_MARK not in data:
        return None
    kinds = {kind.__name__: kind for kind in (EndpointNotAllowed, McpServerUnavailable, CallInterrupted)}
    return kinds.get(str(data[FAILURE_MARK]), CallInterrupted)(str(data.get("message", "")))


def _brief(text: str) -> str:
    return text if len(text) <= _TEXT_CHARACTERS else text[: _TEXT_CHARACTERS - 1] + "…"
