import pytest
from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from rookery_kit.tracing import IncomingCallSpan, PassingOnTracer, call_spans, current_traceparent

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def headers(flags: str = "01", **more: str) -> dict[str, str]:
    return {"traceparent": f"00-{TRACE}-{PARENT}-{flags}", "user-agent": "test", **more}


@pytest.mark.capability("M10")
@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_call_stays_in_the_trace_of_its_caller_and_keeps_its_sampling(flags: str) -> None:
    span = call_spans(PassingOnTracer())("Service/Method", headers(flags, tracestate="vendor=1")).get_span_context()
    assert trace.format_trace_id(span.trace_id) == TRACE
    assert trace.format_span_id(span.span_id) != PARENT
    assert f"{span.trace_flags:02x}" == flags
    assert span.trace_state.get("vendor") == "1"
    assert not span.is_remote


@pytest.mark.parametrize(
    "sent", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{PARENT}-01"]
)
def test_a_caller_that_names_no_trace_begins_one(sent: str) -> None:
    begin = call_spans(PassingOnTracer())
    one, other = (begin("m", {"traceparent": sent} if sent else {}).get_span_context() for _ in range(2))
    assert one.is_valid
    assert one.trace_id != other.trace_id
    assert not one.trace_flags.sampled


def test_a_span_answers_the_same_ids_whenever_it_is_asked() -> None:
    span = IncomingCallSpan("Service/Method", {})
    assert span.get_span_context() == span.get_span_context()
    assert trace.format_trace_id(span.get_span_context().trace_id) in repr(span).replace("0x", "")


@pytest.mark.capability("M10")
def test_what_happens_within_a_span_is_below_it() -> None:
    tracer = PassingOnTracer()
    assert current_traceparent() == ""
    with tracer.start_as_current_span("outer") as outer, tracer.start_as_current_span("inner") as inner:
        assert inner.get_span_context().trace_id == outer.get_span_context().trace_id
        assert inner.get_span_context().span_id != outer.get_span_context().span_id
        carrier: dict[str, str] = {}
        inject(carrier)
        assert carrier["traceparent"] == current_traceparent()
        assert trace.format_span_id(inner.get_span_context().span_id) in current_traceparent()


@pytest.mark.capability("M10")
def test_a_tracer_that_records_gets_the_span_of_the_call_under_its_caller() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    call_spans(provider.get_tracer("test"))("Service/Method", headers()).end()
    (span,) = exporter.get_finished_spans()
    assert span.parent is not None
    assert (trace.format_span_id(span.parent.span_id), span.name) == (PARENT, "Service/Method")
    assert span.kind is trace.SpanKind.SERVER
