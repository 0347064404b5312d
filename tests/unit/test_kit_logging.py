import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from opentelemetry import trace
from rookery_kit.identity import Principal, current_principal
from rookery_kit.telemetry import configure_logging
from rookery_kit.tracing import PassingOnTracer


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    handlers, level, configured = logging.root.handlers[:], logging.root.level, structlog.get_config()
    yield
    structlog.configure(**configured)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.capability("D3")
def test_every_line_is_one_object_with_its_service_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("registry", "info")
    structlog.get_logger("test").info("lease\nexpired", agent_id="7")
    (line,) = lines(capsys)
    assert (line["event"], line["agent_id"], line["service"], line["level"]) == (
        "lease\nexpired",
        "7",
        "registry",
        "info",
    )
    assert datetime.fromisoformat(line["time"]).tzinfo is not None
    assert "trace_id" not in line


@pytest.mark.capability("D3")
def test_within_a_call_a_line_names_the_trace_and_the_caller(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("registry", "info")
    caller = Principal("agent:7", "acme", (), frozenset(), "t", datetime.now(UTC))
    token = current_principal.set(caller)
    try:
        with PassingOnTracer().start_as_current_span("call") as span:
            structlog.get_logger("test").warning("denied")
            structlog.get_logger("test").warning("of another", subject="user:x")
    finally:
        current_principal.reset(token)
    denied, other = lines(capsys)
    context = span.get_span_context()
    assert denied["trace_id"] == trace.format_trace_id(context.trace_id)
    assert denied["span_id"] == trace.format_span_id(context.span_id)
    assert (denied["tenant"], denied["subject"]) == ("acme", "agent:7")
    assert other["subject"] == "user:x"


@pytest.mark.capability("A11")
def test_a_line_names_who_acts_for_the_caller_and_for_nobody_else(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("registry", "info")
    actors = ("agent:9", "agent:8")
    token = current_principal.set(Principal("agent:7", "acme", (), frozenset(), "t", datetime.now(UTC), actors=actors))
    try:
        structlog.get_logger("test").warning("denied")
        structlog.get_logger("test").warning("of another", subject="user:x")
    finally:
        current_principal.reset(token)
    denied, other = lines(capsys)
    assert (denied["subject"], denied["delegates"]) == ("agent:7", ["agent:9", "agent:8"])
    assert "delegates" not in other


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("registry", "warning")
    structlog.get_logger("test").info("quiet")
    structlog.get_logger("test").error("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_libraries_that_log_in_their_own_way_write_the_same_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("registry", "info")
    logging.getLogger("library").warning("value is %s", 7)
    logging.getLogger("library").info("chatter")
    try:
        raise LookupError("broken")
    except LookupError:
        logging.getLogger("library").exception("failed")
    warned, failed = lines(capsys)
    assert (warned["event"], warned["level"], warned["service"]) == ("value is 7", "warning", "registry")
    assert "LookupError: broken" in failed["exception"]
