"""The Python SDK of Rookery: write agents, ask for work.

An agent is an `Agent` with handlers; a program that wants work done opens a `Client`.
"""

from rookery_sdk.agent import Agent
from rookery_sdk.client import Client
from rookery_sdk.context import ContextInvalid, ContextNotFound, SuiteContext
from rookery_sdk.errors import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    Fail,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Reject,
    ResourceExhausted,
    RookeryError,
    SessionSuperseded,
    ToolError,
    Unauthenticated,
    Unavailable,
)
from rookery_sdk.handler_context import MessageContext, TaskContext
from rookery_sdk.messages import Message
from rookery_sdk.payload import PayloadInvalid, decode, encode
from rookery_sdk.tools import ToolResult

__all__ = [
    "Aborted",
    "Agent",
    "AlreadyExists",
    "Client",
    "ContextInvalid",
    "ContextNotFound",
    "DeadlineExceeded",
    "Fail",
    "FailedPrecondition",
    "Internal",
    "InvalidArgument",
    "Message",
    "MessageContext",
    "NotFound",
    "PayloadInvalid",
    "PermissionDenied",
    "Reject",
    "ResourceExhausted",
    "RookeryError",
    "SessionSuperseded",
    "SuiteContext",
    "TaskContext",
    "ToolError",
    "ToolResult",
    "Unauthenticated",
    "Unavailable",
    "decode",
    "encode",
]
