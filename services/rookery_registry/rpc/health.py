"""What agents have reported, in pages."""

from datetime import datetime, timedelta

from rookery.registry.v1 import agent_health_pb2
from rookery_kit.errors import InvalidArgument
from rookery_kit.postgres.paging import InvalidPageToken, PageToken, page_size
from rookery_kit.rpc import Call
from rookery_kit.rpc.times import length_in, moment_in

from rookery_registry.health.reports import HealthMetrics, HealthPoint, HealthQuery, HealthStore

_MICROSECOND = timedelta(microseconds=1)


class HealthListing:
    """Answers ListHealthMetrics."""

    def __init__(self, store: HealthStore) -> None:
        self._store = store

    async def list(
        self, request: agent_health_pb2.ListHealthMetricsRequest, call: Call
    ) -> agent_health_pb2.ListHealthMetricsResponse:
        """One page."""
        size, bucket = page_size(request.page_size), _bucket(request)
        listing = repr(("agent_health", request.agent_id, str(request.start_time), str(request.end_time), bucket))
        start = moment_in(request, "start_time")
        end = moment_in(request, "end_time")
        if (keys := PageToken.decode(listing, request.page_token)) is not None:
            start = _begin(keys[0])
        query = HealthQuery(request.agent_id, start, end, bucket, size + 1)
        points = await self._store.points(call.principal.tenant, query)
        token = ""
        if len(points) > size:
            points = points[:size]
            token = PageToken.encode(listing, (points[-1].time + (bucket or _MICROSECOND)).isoformat())
        return agent_health_pb2.ListHealthMetricsResponse(points=map(_encode_point, points), next_page_token=token)


def _bucket(request: agent_health_pb2.ListHealthMetricsRequest) -> timedelta | None:
    if not request.HasField("bucket"):
        return None
    if request.bucket.nanos:
        text = "must be in whole seconds"
        raise InvalidArgument(f"bucket: {text}", (("bucket", text),))
    return length_in(request, "bucket")


def _begin(key: str) -> datetime:
    try:
        begin = datetime.fromisoformat(key)
        if begin.tzinfo is not None:
            return begin
    except ValueError:
        pass
    message = "the page token is not one of this listing; begin again without one"
    raise InvalidPageToken(message, (("page_token", message),))


def _encode_point(point: HealthPoint) -> agent_health_pb2.HealthPoint:
    return agent_health_pb2.HealthPoint(
        time=point.time,
        sample_count=point.sample_count,
        mean=_encode_metrics(point.mean),
        min=_encode_metrics(point.min),
        max=_encode_metrics(point.max),
    )


def _encode_metrics(metrics: HealthMetrics) -> agent_health_pb2.HealthMetrics:
    return agent_health_pb2.HealthMetrics(
        requests_handled=metrics.requests_handled,
        mean_response_ms=metrics.mean_response_ms,
        error_rate=metrics.error_rate,
        cpu_fraction=metrics.cpu_fraction,
        memory_bytes=metrics.memory_bytes,
        in_flight=metrics.in_flight,
        capacity=metrics.capacity,
    )
