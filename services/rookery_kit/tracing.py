"""Trace context that is passed on without being recorded, at next to no cost.

Most calls to a service whose spans nobody collects touch no log line and no message, so even the ids of their
spans are drawn only when somebody asks.
"""

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.util._decorator import _AgnosticContextManager

BeginSpan = Callable[[str, Mapping[str, str]], trace.Span]
_propagator = TraceContextTextMapPropagator()


class IncomingSpan(trace.NonRecordingSpan):
    """The span of a caller, read out of its W3C headers when somebody asks. Malformed headers name no span."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def get_span_context(self) -> trace.SpanContext:
        """What the headers name."""
        return trace.get_current_span(_propagator.extract(self._headers, Context())).get_span_context()

    def __repr__(self) -> str:
        return f"IncomingSpan({self.get_span_context()!r})"


class PassedOnSpan(trace.NonRecordingSpan):
    """A span within the trace of its parent, or the first of a new one; recorded nowhere.

    Whether the trace is sampled stays as the parent has it, so that services further on record it or not.
    """

    def __init__(self, parent: trace.Span) -> None:
        self._parent = parent
        self._known: trace.SpanContext | None = None

    def get_span_context(self) -> trace.SpanContext:
        """The same at every call."""
        if self._known is None:
            above = self._parent.get_span_context()
            self._known = trace.SpanContext(
                trace_id=above.trace_id if above.is_valid else random.getrandbits(128),
                span_id=random.getrandbits(64),
                is_remote=False,
                trace_flags=above.trace_flags,
                trace_state=above.trace_state,
            )
        return self._known

    def __repr__(self) -> str:
        return f"PassedOnSpan({self.get_span_context()!r})"


class PassingOnTracer(trace.Tracer):
    """Stands for a tracer where no collector is configured."""

    def start_span(self, name: str, context: Context | None = None, *_: object, **__: object) -> trace.Span:
        """A span below the one of `context`, or below the current one."""
        return PassedOnSpan(trace.get_current_span(context))

    def start_as_current_span(
        self, name: str, context: Context | None = None, *_: object, **__: object
    ) -> "_AgnosticContextManager[trace.Span]":
        """The same, current within the block."""
        return trace.use_span(self.start_span(name, context))


def call_spans(tracer: trace.Tracer) -> BeginSpan:
    """What begins the span of an incoming call, given its name and its headers."""
    if isinstance(tracer, PassingOnTracer):
        return lambda _, headers: PassedOnSpan(IncomingSpan(headers))
    return lambda name, headers: tracer.start_span(name, _propagator.extract(headers, Context()), trace.SpanKind.SERVER)


def current_traceparent() -> str:
    """The W3C traceparent of the current span, for whatever carries its trace on; empty where there is none."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent", "")
