"""The one place where errors become gRPC statuses (google.rpc.Status with details), and back."""

from collections.abc import Iterable

import grpc
from google.protobuf import any_pb2, duration_pb2, message
from google.rpc import error_details_pb2, status_pb2

from rookery_kit import errors
from rookery_kit.clock import new_id

DOMAIN = "rookery.dev"
_DEADLINE = errors.DeadlineExceeded("the deadline has passed")

_CODES: tuple[tuple[type[errors.RookeryError], grpc.StatusCode], ...] = (
    (errors.InvalidArgument, grpc.StatusCode.INVALID_ARGUMENT),
    (errors.Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (errors.PermissionDenied, grpc.StatusCode.PERMISSION_DENIED),
    (errors.NotFound, grpc.StatusCode.NOT_FOUND),
    (errors.AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
    (errors.FailedPrecondition, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.Aborted, grpc.StatusCode.ABORTED),
    (errors.ResourceExhausted, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.Unavailable, grpc.StatusCode.UNAVAILABLE),
    (errors.DeadlineExceeded, grpc.StatusCode.DEADLINE_EXCEEDED),
)


def code_of(error: errors.RookeryError) -> grpc.StatusCode:
    """The status code of an error's category."""
    return next(code for category, code in _CODES if isinstance(error, category))


def status_of(error: errors.RookeryError) -> status_pb2.Status:
    """The status of an error, with ErrorInfo, and BadRequest, QuotaFailure or RetryInfo where they apply."""
    details: list[message.Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    ]
    if isinstance(error, errors.InvalidArgument) and error.violations:
        details.append(_bad_request(error.violations))
    if isinstance(error, errors.ResourceExhausted) and error.quota_violations:
        details.append(_quota_failure(error.quota_violations))
    if isinstance(error, errors.Unavailable | errors.ResourceExhausted) and error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(error.retry_after * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return _status(code_of(error), error.message, details)


def masked_status() -> tuple[str, status_pb2.Status]:
    """The status of a fault of the service, and the id under which to log it. It tells nothing else."""
    fault_id = new_id()
    info = error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"fault_id": fault_id})
    return fault_id, _status(grpc.StatusCode.INTERNAL, f"internal fault {fault_id}", [info])


def deadline_status() -> status_pb2.Status:
    """The status of a call that took longer than it was given."""
    return status_of(_DEADLINE)


def _bad_request(violations: Iterable[tuple[str, str]]) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
            for field, description in violations
        ]
    )


def _quota_failure(violations: Iterable[tuple[str, str]]) -> error_details_pb2.QuotaFailure:
    return error_details_pb2.QuotaFailure(
        violations=[
            error_details_pb2.QuotaFailure.Violation(subject=subject, description=description)
            for subject, description in violations
        ]
    )


def _status(code: grpc.StatusCode, text: str, details: Iterable[message.Message]) -> status_pb2.Status:
    status = status_pb2.Status(code=code.value[0], message=text)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status
