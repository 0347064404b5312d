"""How long calls take, by method and status, for Prometheus."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from rookery_kit.telemetry import SECONDS

_LABELS = ("rpc_service", "rpc_method", "rpc_grpc_status_code")
_BOUNDS = (*map(str, SECONDS), "+Inf")


class Tally:
    """The calls to one method that ended with one status: how many in each bucket, and their seconds in all."""

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.seconds = 0.0


class CallDurations(Collector):
    """A histogram of every call that the pipeline answers.

    Counted here and only read by Prometheus: recording through a metrics library, which works out the labels anew
    each time, took longer than everything else that a call passes through.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tallies: dict[tuple[str, int], Tally] = {}
        registry.register(self)

    def of(self, method: str) -> Callable[[float, int], None]:
        """Takes the seconds and the status code of each call of `method`, which is `<service>/<name>`."""
        tallies: dict[int, Tally] = {}

        def observe(seconds: float, code: int) -> None:
            tally = tallies.get(code)
            if tally is None:
                tally = tallies[code] = self._tallies.setdefault((method, code), Tally())
            tally.counts[bisect_left(SECONDS, seconds)] += 1
            tally.seconds += seconds

        return observe

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What Prometheus is told; a call that ends at this moment may be in the counts and not yet in the sum."""
        family = HistogramMetricFamily(
            "rpc_server_duration_seconds", "Time from the arrival of a call to its end", labels=_LABELS
        )
        for (method, code), tally in list(self._tallies.items()):
            service, _, name = method.partition("/")
            cumulated = map(float, accumulate(tally.counts))
            family.add_metric((service, name, str(code)), list(zip(_BOUNDS, cumulated, strict=True)), tally.seconds)
        yield family
