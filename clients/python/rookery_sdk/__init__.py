"""The Python SDK of Rookery: write agents, ask for work.

An agent is an `Agent` with handlers; a program that wants work done opens a `Client`.
"""

from rookery_sdk.agent import Agent
from rookery_sdk.bulk import SendOutcome
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
from rookery_sdk.messages import Message, Outgoing
from rookery_sdk.payload import PayloadInvalid, decode, encode
from rookery_sdk.tools import ToolResult
from rookery_sdk.topics import Audience, Published

__all__ = [
    "Aborted",
    "Agent",
    "AlreadyExists",
    "Audience",
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
    "Outgoing",
    "PayloadInvalid",
    "PermissionDenied",
    "Published",
    "Reject",
    "ResourceExhausted",
    "RookeryError",
    "SendOutcome",
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
