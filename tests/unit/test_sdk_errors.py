import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from rookery_sdk import FailedPrecondition, InvalidArgument, NotFound, RookeryError, SessionSuperseded, ToolError
from rookery_sdk.errors import Detail
from rookery_sdk.status import error_of, error_of_status


def packed(*details: Message) -> list[any_pb2.Any]:
    found = []
    for detail in details:
        each = any_pb2.Any()
        each.Pack(detail)
        found.append(each)
    return found


def call_error(status: status_pb2.Status, code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, status.message)


def test_an_error_carries_reason_and_metadata_of_its_error_info() -> None:
    info = error_details_pb2.ErrorInfo(reason="TASK_NOT_FOUND", domain="rookery.dev", metadata={"task_id": "7"})
    error = error_of(
        call_error(status_pb2.Status(code=5, message="no task 7", details=packed(info)), grpc.StatusCode.NOT_FOUND)
    )
    assert isinstance(error, NotFound)
    assert (error.code, error.reason, error.metadata["task_id"]) == ("NOT_FOUND", "TASK_NOT_FOUND", "7")
    assert str(error) == "no task 7 (TASK_NOT_FOUND)"


def test_broken_fields_are_named() -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="title", description="is too long")
    status = status_pb2.Status(
        code=3,
        message="the request is not valid",
        details=packed(
            error_details_pb2.ErrorInfo(reason="INVALID_FIELD"),
            error_details_pb2.BadRequest(field_violations=[violation]),
        ),
    )
    error = error_of_status(status)
    assert isinstance(error, InvalidArgument)
    assert error.detail.violations == (("title", "is too long"),)
    assert str(error) == "the request is not valid: title: is too long (INVALID_FIELD)"


def test_an_error_says_when_to_try_again() -> None:
    retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2, nanos=500_000_000))
    assert error_of_status(status_pb2.Status(code=14, details=packed(retry))).detail.retry_after == 2.5


def test_an_error_says_whose_limit_was_reached() -> None:
    violation = error_details_pb2.QuotaFailure.Violation(subject="tenant:acme", description="50 requests per second")
    status = status_pb2.Status(code=8, details=packed(error_details_pb2.QuotaFailure(violations=[violation])))
    assert error_of_status(status).detail.quota_violations == (("tenant:acme", "50 requests per second"),)


def test_a_session_that_was_superseded_has_a_type_of_its_own() -> None:
    info = error_details_pb2.ErrorInfo(reason="SESSION_SUPERSEDED")
    error = error_of_status(status_pb2.Status(code=10, details=packed(info)))
    assert isinstance(error, SessionSuperseded)
    assert error.code == "ABORTED"


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_status_has_an_error_that_names_it(code: grpc.StatusCode) -> None:
    error = error_of(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "words"))
    assert isinstance(error, RookeryError)
    assert (error.code, error.reason, error.message) == (code.name, "", "words")


def test_a_tool_error_names_tool_and_cause() -> None:
    error = ToolError("git", "log", FailedPrecondition("is switched off", Detail("MCP_SERVER_DISABLED")))
    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "MCP_SERVER_DISABLED")
    assert str(error) == "git/log: is switched off (MCP_SERVER_DISABLED)"
