"""What a call can fail with. Programs branch on the type, the code or the reason; the message is for people."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Detail:
    """What came with an error.

    `reason` is a name out of `rookery.errors.v1.ErrorReason` without its prefix, empty where the other side was not
    Rookery or never answered. `violations` are pairs of field path and description. `retry_after` is in seconds.
    `quota_violations` are pairs of whose limit was reached, such as `tenant:acme`, and what the limit is.
    """

    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[tuple[str, str], ...] = ()
    retry_after: float | None = None
    quota_violations: tuple[tuple[str, str], ...] = ()


class RookeryError(Exception):
    """A call to the suite failed. `code` is the name of the gRPC status."""

    code = "UNKNOWN"

    def __init__(self, message: str, detail: Detail | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail or Detail()

    @property
    def reason(self) -> str:
        """The stable reason, such as `TASK_NOT_FOUND`; empty when there is none."""
        return self.detail.reason

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the reason is about, such as the permission that is missing."""
        return self.detail.metadata

    def __str__(self) -> str:
        return f"{self.message} ({self.reason or self.code})"


class InvalidArgument(RookeryError):
    """The request itself is wrong; `detail.violations` names the fields."""

    code = "INVALID_ARGUMENT"

    def __str__(self) -> str:
        named = "; ".join(f"{path}: {description}" for path, description in self.detail.violations if path)
        return f"{self.message}: {named} ({self.reason or self.code})" if named else super().__str__()


class Unauthenticated(RookeryError):
    """The credential or the token is not accepted."""

    code = "UNAUTHENTICATED"


class PermissionDenied(RookeryError):
    """The caller is known and may not do this."""

    code = "PERMISSION_DENIED"


class NotFound(RookeryError):
    """No such thing in the caller's tenant."""

    code = "NOT_FOUND"


class AlreadyExists(RookeryError):
    """The name is taken."""

    code = "ALREADY_EXISTS"


class FailedPrecondition(RookeryError):
    """The state of the thing does not allow this; repeating will not help."""

    code = "FAILED_PRECONDITION"


class Aborted(RookeryError):
    """Somebody else was faster, such as a later session or another holder of a lease."""

    code = "ABORTED"


class ResourceExhausted(RookeryError):
    """A limit is reached; `detail.retry_after` tells whether waiting helps, `detail.quota_violations` whose it is."""

    code = "RESOURCE_EXHAUSTED"


class Unavailable(RookeryError):
    """The service, or something it needs, does not answer at the moment."""

    code = "UNAVAILABLE"


class DeadlineExceeded(RookeryError):
    """The time given has passed; a change may still have been made."""

    code = "DEADLINE_EXCEEDED"


class Internal(RookeryError):
    """A fault of the service; the metadata's `fault_id` is in its log."""

    code = "INTERNAL"


class SessionSuperseded(Aborted):
    """A later session of the same agent has taken over; this one must not go on."""


class ToolError(RookeryError):
    """A tool could not be called, or the outcome of the call is not known. `cause` is the error of the call.

    A tool that answers that it failed raises nothing: its result has `is_error`.
    """

    def __init__(self, server: str, tool: str, cause: RookeryError) -> None:
        super().__init__(f"{server}/{tool}: {cause.message}", cause.detail)
        self.server = server
        self.tool = tool
        self.cause = cause
        self.code = cause.code


class Fail(Exception):
    """Raised by a task handler: this attempt failed. `reason` is a short stable word; `retryable` allows another."""

    def __init__(self, message: str, *, reason: str = "HANDLER_ERROR", retryable: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.retryable = retryable


class Reject(Exception):
    """Raised by a handler: it will not do this. A task ends as REJECTED, a message goes to the dead letters."""

    def __init__(self, message: str, *, reason: str = "REJECTED") -> None:
        super().__init__(message)
        self.reason = reason
