"""What agents report of their health."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf import duration_pb2
from rookery.registry.v1 import agent_health_pb2
from rookery_sdk import Client

from rookery_cli.lookup import find_agent_id
from rookery_cli.output import Column, Document, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago, rfc3339

_COLUMNS = (
    Column("TIME", lambda point: ago(point["time"]), fixed=True),
    Column("REPORTS", lambda point: point["sample_count"]),
    Column("HANDLED", lambda point: point["max"]["requests_handled"]),
    Column("MEAN", lambda point: f"{point['mean']['mean_response_ms']:.0f} ms"),
    Column("ERRORS", lambda point: f"{point['mean']['error_rate']:.1%}"),
    Column("CPU", lambda point: f"{point['mean']['cpu_fraction']:.0%}"),
    Column("MEMORY", lambda point: f"{point['max']['memory_bytes'] / 2**20:.0f} MiB"),
    Column("IN FLIGHT", lambda point: f"{point['max']['in_flight']} of {point['max']['capacity']}"),
)


async def list_health(client: Client, key: str, minutes: float, every: int, extent: Extent, output: Output) -> None:
    """Shows the reports of the last minutes, summed up over `every` seconds; 0: each by itself."""
    agent_id = await find_agent_id(client, key)
    start = datetime.now(UTC) - timedelta(minutes=minutes)
    bucket = duration_pb2.Duration(seconds=every) if every else None

    async def fetch(size: int, token: str) -> tuple[Sequence[agent_health_pb2.HealthPoint], str]:
        page = await client.agents.ListHealthMetrics(
            agent_health_pb2.ListHealthMetricsRequest(
                agent_id=agent_id, start_time=start, bucket=bucket, page_size=size, page_token=token
            ),
            timeout=CALL_SECONDS,
        )
        return page.points, page.next_page_token

    points, more = await collect(fetch, extent)
    output.listing("reports", [_point_document(point) for point in points], _COLUMNS, more=more)


def _point_document(point: agent_health_pb2.HealthPoint) -> Document:
    return {
        "time": rfc3339(point.time),
        "sample_count": point.sample_count,
        "mean": _metrics_document(point.mean),
        "min": _metrics_document(point.min),
        "max": _metrics_document(point.max),
    }


def _metrics_document(metrics: agent_health_pb2.HealthMetrics) -> Document:
    return {
        "requests_handled": metrics.requests_handled,
        "mean_response_ms": metrics.mean_response_ms,
        "error_rate": metrics.error_rate,
        "cpu_fraction": metrics.cpu_fraction,
        "memory_bytes": metrics.memory_bytes,
        "in_flight": metrics.in_flight,
        "capacity": metrics.capacity,
    }
