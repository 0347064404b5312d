"""The store of health reports."""

from collections.abc import Sequence
from datetime import timedelta

from asyncpg import Record
from rookery_kit.postgres import Database, Queries

from rookery_registry.health.reports import HealthMetrics, HealthPoint, HealthQuery, Report
from rookery_registry.model import AgentNotFound


class PostgresHealthStore:
    """Implements HealthStore."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def write(self, now: float, history: Sequence[Report], latest: Sequence[Report]) -> None:
        """Adds to the history, and replaces the latest."""
        async with self._database.system_transaction() as connection:
            await connection.execute("SET LOCAL synchronous_commit = off")
            if history:
                await connection.execute(
                    self._queries["keep_reports"],
                    *_key_columns(now, history),
                    *_columns(
                        history,
                        "requests_handled",
                        "memory_bytes",
                        "mean_response_ms",
                        "error_rate",
                        "cpu_fraction",
                        "in_flight",
                        "capacity",
                    ),
                )
            if latest:
                await connection.execute(
                    self._queries["keep_loads"],
                    *_key_columns(now, latest),
                    *_columns(latest, "in_flight", "capacity", "error_rate", "mean_response_ms"),
                )

    async def points(self, tenant: str, query: HealthQuery) -> Sequence[HealthPoint]:
        """The points of a query, oldest first. Raises AgentNotFound when there is neither the agent nor a report."""
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(
                self._queries["health_points"],
                tenant,
                query.agent_id,
                query.start,
                query.end,
                query.bucket,
                query.limit,
            )
            if not rows and not await connection.fetchval(self._queries["is_known"], tenant, query.agent_id):
                raise AgentNotFound(query.agent_id)
        return [_point(row) for row in rows]

    async def trim(self, keep: timedelta, limit: int) -> int:
        """Removes reports that are older, and what agents that are gone left."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["trim_loads"], limit)
            answer = await connection.execute(self._queries["trim_reports"], keep, limit)
        return int(answer.rpartition(" ")[2])


def _key_columns(now: float, reports: Sequence[Report]) -> tuple[list[object], ...]:
    return (
        [report.tenant for report in reports],
        [report.agent_id for report in reports],
        [now - report.at for report in reports],
    )


def _columns(reports: Sequence[Report], *names: str) -> list[list[object]]:
    return [[getattr(report.metrics, name) for report in reports] for name in names]


def _point(row: Record) -> HealthPoint:
    return HealthPoint(
        row["time"], row["sample_count"], _metrics(row, "mean"), _metrics(row, "min"), _metrics(row, "max")
    )


def _metrics(row: Record, of: str) -> HealthMetrics:
    return HealthMetrics(
        requests_handled=round(row[f"{of}_requests_handled"]),
        mean_response_ms=row[f"{of}_mean_response_ms"],
        error_rate=row[f"{of}_error_rate"],
        cpu_fraction=row[f"{of}_cpu_fraction"],
        memory_bytes=round(row[f"{of}_memory_bytes"]),
        in_flight=round(row[f"{of}_in_flight"]),
        capacity=round(row[f"{of}_capacity"]),
    )
