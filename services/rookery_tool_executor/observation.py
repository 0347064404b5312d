"""What is told of calls: a span around each, and metrics. Arguments and answers are in neither."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import metrics, trace
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError

from rookery_tool_executor.model import StdioTransport, ToolAnswer, ToolCall, Transport


class CallSpan:
    """The span of one call to a server; its outcome is told once."""

    def __init__(self, span: trace.Span) -> None:
        self.outcome = "CANCELLED"
        self._span = span

    def answered(self, answer: ToolAnswer) -> None:
        """The tool has answered."""
        self.outcome = "TOOL_ERROR" if answer.is_error else "OK"

    def failed(self, error: RookeryError) -> None:
        """There is no answer."""
        self.outcome = error.reason
        self._span.set_status(trace.StatusCode.ERROR, error.reason)


class CallObserver:
    """Observes calls. The metrics know kinds of transport and outcome, not names: those are the tenants' to choose."""

    def __init__(
        self, tracer: trace.Tracer, meter: metrics.Meter, clock: Clock, count_sessions: Callable[[], int]
    ) -> None:
        self._tracer = tracer
        self._clock = clock
        self._duration = meter.create_histogram(
            "tool.call.duration", unit="s", description="Time from sending a call to an MCP server to its outcome"
        )
        meter.create_observable_gauge(
            "tool.sessions.open",
            callbacks=[lambda _: [metrics.Observation(count_sessions())]],
            description="Sessions to MCP servers that are open, opening or closing",
        )

    @contextmanager
    def call(self, call: ToolCall, execution_id: str, transport: Transport) -> Iterator[CallSpan]:
        """Around one call to a server. Within it the span is the current one, so that its context goes downstream."""
        attributes: dict[str, str | Sequence[str]] = {
            "rookery.tenant": call.tenant,
            "rookery.subject": call.subject,
            "rookery.execution_id": execution_id,
            "rookery.mcp_server": call.server,
            "gen_ai.tool.name": call.tool,
        }
        if call.task_id:
            attributes["rookery.task_id"] = call.task_id
        if call.delegates:
            attributes["rookery.delegates"] = call.delegates
        kind = "stdio" if isinstance(transport, StdioTransport) else "streamable_http"
        begun = self._clock.monotonic()
        with self._tracer.start_as_current_span(
            "mcp tools/call",
            kind=trace.SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            observed = CallSpan(span)
            try:
                yield observed
            except RookeryError as error:
                observed.failed(error)
                raise
            finally:
                labels = {"transport": kind, "outcome": observed.outcome}
                self._duration.record(self._clock.monotonic() - begun, labels)
