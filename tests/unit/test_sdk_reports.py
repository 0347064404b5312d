import pytest
from rookery.orchestrator.v1 import task_service_pb2
from rookery_sdk import Fail, PayloadInvalid, Reject, Unavailable, reports

LEASE = task_service_pb2.LeaseKey(task_id="a", lease_epoch=1)


@pytest.mark.parametrize(
    ("error", "reason", "message", "retryable", "rejected"),
    [
        (RuntimeError("boom"), "HANDLER_ERROR", "RuntimeError: boom", True, False),
        (Fail("no such file"), "HANDLER_ERROR", "no such file", False, False),
        (Fail("busy", reason="BUSY", retryable=True), "BUSY", "busy", True, False),
        (Reject("not my kind of work"), "REJECTED", "not my kind of work", False, True),
        (Unavailable("away"), "UNAVAILABLE", "away", True, False),
        (PayloadInvalid("not JSON"), "PAYLOAD_INVALID", "not JSON", False, False),
    ],
)
def test_what_a_handler_raises_says_whether_another_attempt_may_help(
    error: Exception, reason: str, message: str, *, retryable: bool, rejected: bool
) -> None:
    failure = reports.failed(LEASE, error).failure
    assert (failure.error.reason, failure.error.message) == (reason, message)
    assert (failure.retryable, failure.rejected) == (retryable, rejected)


def test_an_error_is_told_with_what_cannot_be_sent_spelled_out() -> None:
    error = reports.failed(LEASE, FileNotFoundError("no file 'caf\udce9\0'")).failure.error
    assert error.message == r"FileNotFoundError: no file 'caf\udce9\0'"
    assert reports.progress(LEASE, 0.5, "\ud800").progress.message == r"\ud800"


def test_an_error_of_many_words_is_cut() -> None:
    assert len(reports.failed(LEASE, RuntimeError("x" * 10_000)).failure.error.message) == 2000
