"""What an agent reports on a lease."""

from rookery.orchestrator.v1 import task_pb2, task_service_pb2

from rookery_sdk import payload
from rookery_sdk.errors import Fail, Reject, RookeryError
from rookery_sdk.fields import words


def completed(lease: task_service_pb2.LeaseKey, value: object) -> task_service_pb2.WorkRequest:
    """The task is done and `value` is its output. Raises PayloadInvalid."""
    return task_service_pb2.WorkRequest(result=task_service_pb2.TaskResult(lease=lease, output=payload.encode(value)))


def failed(lease: task_service_pb2.LeaseKey, error: BaseException) -> task_service_pb2.WorkRequest:
    """The attempt ended with an error. Unless the error says otherwise, another attempt may help."""
    reason, retryable, rejected = "HANDLER_ERROR", True, False
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, Fail):
        reason, retryable, message = error.reason, error.retryable, str(error)
    elif isinstance(error, Reject):
        reason, retryable, rejected, message = error.reason, False, True, str(error)
    elif isinstance(error, payload.PayloadInvalid):
        reason, retryable, message = "PAYLOAD_INVALID", False, str(error)
    elif isinstance(error, RookeryError):
        reason, message = error.reason or error.code, error.message
    return task_service_pb2.WorkRequest(
        failure=task_service_pb2.TaskFailure(
            lease=lease,
            error=task_pb2.TaskError(reason=reason, message=words(message)),
            retryable=retryable,
            rejected=rejected,
        )
    )


def released(lease: task_service_pb2.LeaseKey) -> task_service_pb2.WorkRequest:
    """The lease is given back, and the attempt does not count."""
    return task_service_pb2.WorkRequest(release=task_service_pb2.ReleaseTask(lease=lease))


def progress(lease: task_service_pb2.LeaseKey, fraction: float, message: str) -> task_service_pb2.WorkRequest:
    """How far the task is."""
    return task_service_pb2.WorkRequest(
        progress=task_service_pb2.TaskProgress(lease=lease, progress=fraction, message=words(message))
    )
