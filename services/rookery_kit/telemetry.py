"""Logs, traces and metrics, set up once by the composition root.

Logs are JSON, one object a line, on standard error, with the ids of the current trace. Traces leave by OTLP when
an endpoint is set. Metrics are offered to Prometheus always. Secrets and payloads are in none of them.
"""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from opentelemetry import metrics, trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from prometheus_client import start_http_server
from structlog.types import EventDict, WrappedLogger

from rookery_kit.settings import ServiceSettings


@dataclass(frozen=True)
class Telemetry:
    """The tracer and meter of one service, and how to flush and stop them."""

    tracer: trace.Tracer
    meter: metrics.Meter
    close: Callable[[], None]


def start_telemetry(settings: ServiceSettings) -> Telemetry:
    """Configures logging, opens the metrics port and, where an endpoint is set, the OTLP exporter."""
    configure_logging(settings.service, settings.log_level)
    resource = Resource.create({"service.name": f"rookery-{settings.service}", "service.namespace": "rookery"})
    tracing = TracerProvider(
        resource=resource,
        sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_ratio if settings.otlp_endpoint else 0.0)),
    )
    if settings.otlp_endpoint:
        # Imported only where used: the exporter costs memory that a laptop without a collector need not pay.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        exporter = OTLPSpanExporter(
            endpoint=settings.otlp_endpoint, insecure=settings.otlp_endpoint.startswith("http:")
        )
        tracing.add_span_processor(BatchSpanProcessor(exporter))
    metering = MeterProvider(resource=resource, metric_readers=[PrometheusMetricReader()])
    host, _, port = settings.metrics_listen.rpartition(":")
    server, thread = start_http_server(int(port), addr=host)

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()
        tracing.shutdown()
        metering.shutdown()

    return Telemetry(
        tracer=tracing.get_tracer("rookery"),
        meter=metering.get_meter("rookery"),
        close=close,
    )


def configure_logging(service: str, level: str) -> None:
    """Sends structlog's and the standard library's logs to standard error as JSON lines."""

    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = format(context.trace_id, "032x")
            event["span_id"] = format(context.span_id, "016x")
        return event

    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        name_service,
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
