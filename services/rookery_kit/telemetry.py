"""Logs, traces and metrics, set up once by the composition root.

Logs are JSON, one object a line, on standard error, with the ids of the current trace. Traces leave by OTLP when
an endpoint is set. Metrics are offered to Prometheus always. Secrets and payloads are in none of them.
"""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from socket import create_connection
from threading import Thread

import structlog
from opentelemetry import metrics, trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, start_http_server
from structlog.types import EventDict, WrappedLogger

from rookery_kit.errors import CannotStart
from rookery_kit.identity import current_principal
from rookery_kit.settings import ServiceSettings
from rookery_kit.tracing import PassingOnTracer

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The buckets of histograms of durations."""


@dataclass(frozen=True)
class Telemetry:
    """The tracer and meter of one service, what Prometheus reads, and how to flush and stop them."""

    tracer: trace.Tracer
    meter: metrics.Meter
    registry: CollectorRegistry
    close: Callable[[], None]


def start_telemetry(settings: ServiceSettings) -> Telemetry:
    """Configures logging, opens the metrics port and, where an endpoint is set, the OTLP exporter.

    Raises CannotStart when the metrics port is taken.
    """
    configure_logging(settings.service, settings.log_level)
    resource = Resource.create({"service.name": f"rookery-{settings.service}", "service.namespace": "rookery"})
    tracer, stop_tracing = _start_tracing(settings, resource)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    durations = View(
        instrument_type=Histogram, instrument_unit="s", aggregation=ExplicitBucketHistogramAggregation(SECONDS)
    )
    metering = MeterProvider(
        resource=resource, metric_readers=[PrometheusMetricReader(registry=registry)], views=[durations]
    )
    host, _, port = settings.metrics_listen.rpartition(":")
    try:
        server, thread = start_http_server(int(port), addr=host, registry=registry)
    except OSError as error:
        stop_tracing()
        metering.shutdown()
        raise CannotStart(f"cannot listen on {settings.metrics_listen} for metrics: {error.strerror}") from None

    def close() -> None:
        ending = Thread(target=server.shutdown)
        ending.start()
        # The server looks twice a second whether it is to end, and whenever somebody connects.
        with suppress(OSError), create_connection((host, server.server_port), timeout=1):
            ending.join()
        ending.join()
        server.server_close()
        thread.join()
        stop_tracing()
        metering.shutdown()

    return Telemetry(tracer, metering.get_meter("rookery"), registry, close)


def _start_tracing(settings: ServiceSettings, resource: Resource) -> tuple[trace.Tracer, Callable[[], None]]:
    """The tracer, and what stops it. Where no collector is configured, traces are passed on and not recorded."""
    if not settings.otlp_endpoint:
        return PassingOnTracer(), lambda: None
    # Imported only where used: they cost memory that a laptop without a collector need not pay.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_ratio)))
    exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint, insecure=settings.otlp_endpoint.startswith("http:"))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider.get_tracer("rookery"), provider.shutdown


def configure_logging(service: str, level: str) -> None:
    """Sends structlog's and the standard library's logs to standard error as JSON lines."""

    def add_origin(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = format(context.trace_id, "032x")
            event["span_id"] = format(context.span_id, "016x")
        if principal := current_principal.get():
            event.setdefault("tenant", principal.tenant)
            told = event.setdefault("subject", principal.subject)
            if principal.actors and told == principal.subject:
                event.setdefault("delegates", principal.actors)
        return event

    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        add_origin,
        structlog.processors.format_exc_info,
    ]
    numeric = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(numeric, logging.WARNING), force=True)
