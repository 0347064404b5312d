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
            self._known = _below(self._parent.get_span_context())
        return self._known

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.get_span_context()!r})"


class IncomingCallSpan(PassedOnSpan):
    """The span of a call, below the one that its headers name by W3C trace context. Malformed ones name none."""

    def __init__(self, _name: str, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._known = None

    def get_span_context(self) -> trace.SpanContext:
        """The same at every call."""
        if self._known is None:
            self._known = _below(trace.get_current_span(_extract(self._headers)).get_span_context())
        return self._known


def _extract(headers: Mapping[str, str]) -> Context:
    return _propagator.extract(headers, Context())


def _below(above: trace.SpanContext) -> trace.SpanContext:
    return trace.SpanContext(
        trace_id=above.trace_id if above.is_valid else random.getrandbits(128),
        span_id=random.getrandbits(64),
        is_remote=False,
        trace_flags=above.trace_flags,
        trace_state=above.trace_state,
    )


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
        return IncomingCallSpan
    return lambda name, headers: tracer.start_span(name, _extract(headers), trace.SpanKind.SERVER)


def current_traceparent() -> str:
    """The W3C traceparent of the current span, for whatever carries its trace on; empty where there is none."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent", "")
