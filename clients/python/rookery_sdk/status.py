"""From a gRPC status to one of the SDK's errors."""

import grpc
from google.rpc import error_details_pb2, status_pb2

from rookery_sdk import errors

_DETAILS_KEY = "grpc-status-details-bin"
_TYPES: dict[str, type[errors.RookeryError]] = {
    each.code: each
    for each in (
        errors.InvalidArgument,
        errors.Unauthenticated,
        errors.PermissionDenied,
        errors.NotFound,
        errors.AlreadyExists,
        errors.FailedPrecondition,
        errors.Aborted,
        errors.ResourceExhausted,
        errors.Unavailable,
        errors.DeadlineExceeded,
        errors.Internal,
    )
}
_CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


def error_of(call_error: grpc.aio.AioRpcError) -> errors.RookeryError:
    """The error that a failed call means, with the reason out of its ErrorInfo."""
    for key, value in call_error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            return error_of_status(status_pb2.Status.FromString(value))
    return _typed(call_error.code().name, call_error.details() or call_error.code().name.lower(), errors.Detail())


def error_of_status(status: status_pb2.Status) -> errors.RookeryError:
    """The error that a google.rpc.Status means."""
    reason, retry_after = "", None
    metadata: dict[str, str] = {}
    violations: tuple[tuple[str, str], ...] = ()
    quota_violations: tuple[tuple[str, str], ...] = ()
    info, bad_request, quota, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.QuotaFailure(),
        error_details_pb2.RetryInfo(),
    )
    for detail in status.details:
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad_request):
            violations = tuple((each.field, each.description) for each in bad_request.field_violations)
        elif detail.Unpack(quota):
            quota_violations = tuple((each.subject, each.description) for each in quota.violations)
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.ToNanoseconds() / 1e9
    return _typed(
        _CODE_NAMES.get(status.code, "UNKNOWN"),
        status.message,
        errors.Detail(reason, metadata, violations, retry_after, quota_violations),
    )


def _typed(code: str, message: str, detail: errors.Detail) -> errors.RookeryError:
    if detail.reason == "SESSION_SUPERSEDED":
        return errors.SessionSuperseded(message, detail)
    error = _TYPES.get(code, errors.RookeryError)(message, detail)
    error.code = code
    return error
