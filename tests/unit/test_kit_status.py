from typing import TypeVar

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from rookery.errors.v1 import error_reason_pb2
from rookery_kit import errors
from rookery_kit.rpc.status import DOMAIN, code_of, deadline_status, masked_status, status_of

Code = grpc.StatusCode
T = TypeVar("T", bound=Message)


class AgentNotFound(errors.NotFound):
    """An error of a service."""

    reason = "AGENT_NOT_FOUND"


def detail(status: status_pb2.Status, kind: type[T]) -> T | None:
    for each in status.details:
        found = kind()
        if each.Unpack(found):
            return found
    return None


@pytest.mark.parametrize(
    ("category", "code"),
    [
        (errors.InvalidArgument, Code.INVALID_ARGUMENT),
        (errors.Unauthenticated, Code.UNAUTHENTICATED),
        (errors.PermissionDenied, Code.PERMISSION_DENIED),
        (errors.NotFound, Code.NOT_FOUND),
        (errors.AlreadyExists, Code.ALREADY_EXISTS),
        (errors.FailedPrecondition, Code.FAILED_PRECONDITION),
        (errors.Aborted, Code.ABORTED),
        (errors.ResourceExhausted, Code.RESOURCE_EXHAUSTED),
        (errors.Unavailable, Code.UNAVAILABLE),
        (errors.DeadlineExceeded, Code.DEADLINE_EXCEEDED),
    ],
)
def test_every_category_has_its_code(category: type[errors.RookeryError], code: grpc.StatusCode) -> None:
    class Declared(category):  # type: ignore[misc, valid-type]
        reason = "AGENT_NOT_FOUND"

    assert code_of(Declared("no")) is code


def test_an_error_carries_its_reason_its_domain_and_its_metadata() -> None:
    status = status_of(AgentNotFound("no such agent", agent_id="7"))
    info = detail(status, error_details_pb2.ErrorInfo)
    assert (status.code, status.message) == (Code.NOT_FOUND.value[0], "no such agent")
    assert info is not None
    assert (info.reason, info.domain, dict(info.metadata)) == ("AGENT_NOT_FOUND", DOMAIN, {"agent_id": "7"})


def test_broken_fields_are_named_one_by_one() -> None:
    bad = detail(
        status_of(errors.InvalidArgument("no", (("a.b[1]", "too long"), ("c", "needed")))), error_details_pb2.BadRequest
    )
    assert bad is not None
    assert [(each.field, each.description) for each in bad.field_violations] == [
        ("a.b[1]", "too long"),
        ("c", "needed"),
    ]


def test_what_may_be_repeated_says_when() -> None:
    retry = detail(status_of(errors.Unavailable("no", retry_after=0.25)), error_details_pb2.RetryInfo)
    assert retry is not None
    assert retry.retry_delay.ToTimedelta().total_seconds() == 0.25
    assert detail(status_of(errors.Unavailable("no", retry_after=None)), error_details_pb2.RetryInfo) is None


def test_a_quota_that_is_used_up_is_named_with_its_limit_and_owner() -> None:
    status = status_of(errors.QuotaExceeded("max_agents", 50, "tenant:acme"))
    info, failure = detail(status, error_details_pb2.ErrorInfo), detail(status, error_details_pb2.QuotaFailure)
    assert info is not None
    assert info.reason == "QUOTA_EXCEEDED"
    assert dict(info.metadata) == {"quota": "max_agents", "limit": "50", "subject": "tenant:acme"}
    assert failure is not None
    assert [(each.subject, each.description) for each in failure.violations] == [
        ("tenant:acme", "the quota max_agents is 50")
    ]
    assert status.code == Code.RESOURCE_EXHAUSTED.value[0]
    assert detail(status, error_details_pb2.RetryInfo) is None, "waiting does not help"


def test_a_fault_tells_its_id_and_nothing_else() -> None:
    fault_id, status = masked_status()
    info = detail(status, error_details_pb2.ErrorInfo)
    assert info is not None
    assert (info.reason, dict(info.metadata)) == ("INTERNAL", {"fault_id": fault_id})
    assert status.message == f"internal fault {fault_id}"


def test_a_passed_deadline_has_its_reason() -> None:
    info = detail(deadline_status(), error_details_pb2.ErrorInfo)
    assert info is not None
    assert info.reason == "DEADLINE_EXCEEDED"


def test_the_reasons_of_the_kit_are_public() -> None:
    public = {name.removeprefix("ERROR_REASON_") for name, _ in error_reason_pb2.ErrorReason.items()}
    found, waiting = set[str](), [errors.RookeryError]
    while waiting:
        category = waiting.pop()
        waiting += [each for each in category.__subclasses__() if each.__module__.startswith("rookery_kit")]
        found |= {category.reason} if hasattr(category, "reason") else set()
    assert found
    assert found <= public
