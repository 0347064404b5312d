"""Errors that a caller may see: each has a status category and a public, stable reason.

A service declares its own errors as subclasses with a `reason` out of `rookery.errors.v1.ErrorReason`. They are
turned into a gRPC status in one place, `rookery_kit.rpc.status`.
"""

from typing import ClassVar


class RookeryError(Exception):
    """An error with a public reason. The message and the metadata reach the caller, so neither holds a secret."""

    reason: ClassVar[str]

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = metadata


class CannotStart(Exception):
    """A service finds a reason not to start; the message tells the operator what to do. No caller ever sees it."""


class InvalidArgument(RookeryError):
    """The request itself is wrong. `violations` are pairs of field path and description."""

    reason = "INVALID_FIELD"

    def __init__(self, message: str, violations: tuple[tuple[str, str], ...] = (), **metadata: str) -> None:
        super().__init__(message, **metadata)
        self.violations = violations

    def within(self, path: str) -> "InvalidArgument":
        """The same of a request that is at `path` in another."""
        violations = tuple((f"{path}.{field}", said) for field, said in self.violations)
        return InvalidArgument(f"{path}.{self.message}", violations, **self.metadata)


class Unauthenticated(RookeryError):
    """The caller could not be identified."""


class PermissionDenied(RookeryError):
    """The caller is known and may not do this."""


class NotFound(RookeryError):
    """No such thing within the caller's tenant."""


class AlreadyExists(RookeryError):
    """The name is taken."""


class FailedPrecondition(RookeryError):
    """The state of the thing does not allow this; repeating the call will not help."""


class Aborted(RookeryError):
    """Somebody else was faster; read again before repeating."""


class DeadlineExceeded(RookeryError):
    """The time given has passed. The change may still have been made."""

    reason = "DEADLINE_EXCEEDED"


class ResourceExhausted(RookeryError):
    """A limit is reached. `retry_after` is in seconds; None where waiting does not help.

    `quota_violations` are pairs of whose limit it is, such as `tenant:acme`, and what the limit is.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        quota_violations: tuple[tuple[str, str], ...] = (),
        **metadata: str,
    ) -> None:
        super().__init__(message, **metadata)
        self.retry_after = retry_after
        self.quota_violations = quota_violations


class QuotaExceeded(ResourceExhausted):
    """There are as many things of a kind as there may be; waiting does not help.

    `quota` is the field of `rookery.auth.v1.Quotas`, such as `max_agents`; `limit` what it says; `subject` whose it
    is, such as `tenant:acme`.
    """

    reason = "QUOTA_EXCEEDED"

    def __init__(self, quota: str, limit: int, subject: str) -> None:
        said = f"the quota {quota} is {limit}"
        super().__init__(
            f"{said} and used up",
            quota_violations=((subject, said),),
            quota=quota,
            limit=str(limit),
            subject=subject,
        )


class Unavailable(RookeryError):
    """Something needed does not answer; repeating the call after `retry_after` seconds may help."""

    reason = "SERVICE_UNAVAILABLE"

    def __init__(self, message: str, *, retry_after: float | None = 1.0, **metadata: str) -> None:
        super().__init__(message, **metadata)
        self.retry_after = retry_after


class PermissionMissing(PermissionDenied):
    """The token does not hold the permission that the method or the resource asks for."""

    reason = "PERMISSION_MISSING"

    def __init__(self, permission: str) -> None:
        super().__init__(f"the permission {permission} is missing", permission=permission)


class FirstTenantOnly(PermissionDenied):
    """The method manages the installation itself, and the caller is of another tenant than the first."""

    reason = "FIRST_TENANT_ONLY"
