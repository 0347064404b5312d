"""How long calls take, by method and status, for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Histogram

from rookery_kit.telemetry import SECONDS


class CallDurations:
    """Counts every call that the pipeline answers.

    Written straight into Prometheus' own histogram: recording through the OpenTelemetry SDK, which works out the
    attributes anew each time, took longer than everything else that a call passes through.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._histogram = Histogram(
            "rpc_server_duration_seconds",
            "Time from the arrival of a call to its end",
            ("rpc_service", "rpc_method", "rpc_grpc_status_code"),
            registry=registry,
            buckets=SECONDS,
        )

    def of(self, method: str) -> Callable[[float, int], None]:
        """Takes the seconds and the status code of each call of `method`, which is `<service>/<name>`."""
        service, _, name = method.partition("/")
        observe_by_code: dict[int, Callable[[float], None]] = {}

        def observe(seconds: float, code: int) -> None:
            known = observe_by_code.get(code)
            if known is None:
                known = observe_by_code[code] = self._histogram.labels(service, name, str(code)).observe
            known(seconds)

        return observe
