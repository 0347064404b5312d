"""What Prometheus is told of rate limits."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from rookery_kit.rate_limits.limiter import RateLimiter


class RateLimitMetrics(Collector):
    """Whether limits hold over all replicas, and how many calls were refused, by the scope of the limit."""

    def __init__(self, limiter: RateLimiter, registry: CollectorRegistry) -> None:
        self._limiter = limiter
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Read when Prometheus asks."""
        yield GaugeMetricFamily(
            "rookery_rate_limits_reconciled",
            "1 while replicas hear of each other's admitted requests, else 0",
            value=float(self._limiter.reconciled),
        )
        refused = CounterMetricFamily(
            "rookery_rate_limited_calls",
            "Calls refused, by the limit's scope; outage: none was reached",
            labels=("scope",),
        )
        for scope, calls in self._limiter.refused.items():
            refused.add_metric((scope,), calls)
        yield refused
