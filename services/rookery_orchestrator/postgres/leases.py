"""The store of leases."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from rookery_kit.bus import append_all
from rookery_kit.postgres import Connection, Database, Queries

from rookery_orchestrator.events import task_event
from rookery_orchestrator.model import AttemptOutcome, LeaseKey, Task, TaskState
from rookery_orchestrator.postgres.attempts import EndedAttempt, end_attempts
from rookery_orchestrator.postgres.rows import task_of
from rookery_orchestrator.reports import Failure, FailureKind, Progress, Release, Report, Result
from rookery_orchestrator.store import Demand, Held


class PostgresLeaseStore:
    """Implements LeaseStore. It works for every tenant at once, as dispatch does."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def waiting(self, pairs: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        """Those pairs of tenant and capability for which a task waits."""
        async with self._database.system_transaction() as connection:
            columns = [tenant for tenant, _ in pairs], [capability for _, capability in pairs]
            return [tuple(row) for row in await connection.fetch(self._queries["find_waiting"], *columns)]

    async def claim(self, demand: Demand) -> Sequence[Task]:
        """Leases waiting tasks to the slots."""
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(
                self._queries["claim_tasks"], demand.tenant, demand.capability, list(demand.slots)
            )
            tasks = [task_of(row) for row in rows]
            if tasks:
                await append_all(connection, [task_event(task) for task in tasks])
        return tasks

    async def extend(self, held: Sequence[Held]) -> Mapping[LeaseKey, timedelta]:
        """Begins the leases' time anew; answers those that are still held."""
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["extend_leases"], *_columns(held))
        return {LeaseKey(str(row["id"]), row["lease_epoch"]): row["lease_duration"] for row in rows}

    async def shorten(self, held: Sequence[Held], remaining: timedelta) -> None:
        """Lets the leases run out after `remaining`, if they do not earlier."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["shorten_leases"], *_columns(held), remaining)

    async def disown(self, agent_id: str, kept: Sequence[LeaseKey]) -> None:
        """Lets every lease of an agent run out at once but those kept."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["disown_leases"], agent_id, [lease.task_id for lease in kept])

    async def settle(self, reports: Sequence[Report]) -> tuple[Sequence[bool], Sequence[Task]]:
        """Takes reports in order. The rows are locked first, then each report meets the fence."""
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["lock_reported"], [report.lease.task_id for report in reports])
            standing = {str(row["id"]): (row["lease_epoch"], str(row["agent_id"]), row["state"]) for row in rows}
            verdicts: list[bool] = []
            counting: dict[str, Report] = {}
            for report in reports:
                lease = report.lease
                epoch, agent_id, state = standing.get(lease.task_id, (0, "", ""))
                current = (epoch, agent_id) == (lease.lease_epoch, report.agent_id)
                if current and state == TaskState.WORKING and lease.task_id not in counting:
                    counting[lease.task_id] = report
                    verdicts.append(True)
                else:
                    # The first report of this lease may have been taken while its answer was lost.
                    repeats = isinstance(report, Result) and (
                        state == TaskState.COMPLETED or isinstance(counting.get(lease.task_id), Result)
                    )
                    verdicts.append(current and repeats)
            changed = await self._apply(connection, list(counting.values())) if counting else []
        return verdicts, changed

    async def _apply(self, connection: Connection, reports: Sequence[Report]) -> Sequence[Task]:
        results = [report for report in reports if isinstance(report, Result)]
        failures = [report for report in reports if isinstance(report, Failure)]
        releases = [report for report in reports if isinstance(report, Release)]
        rows = []
        if results:
            rows += await connection.fetch(
                self._queries["complete_tasks"],
                [result.lease.task_id for result in results],
                [result.output.content_type if result.output else None for result in results],
                [result.output.data if result.output else None for result in results],
            )
        if failures:
            rows += await connection.fetch(
                self._queries["fail_tasks"],
                [failure.lease.task_id for failure in failures],
                [failure.kind for failure in failures],
                [failure.error.reason for failure in failures],
                [failure.error.message for failure in failures],
                [timedelta(seconds=failure.retry_delay) for failure in failures],
            )
        if releases:
            rows += await connection.fetch(
                self._queries["release_tasks"], [release.lease.task_id for release in releases]
            )
        changed = [task_of(row) for row in rows]
        await end_attempts(connection, self._queries, [_ended(report) for report in reports])
        await append_all(connection, [task_event(task) for task in changed])
        return changed

    async def record_progress(self, progress: Sequence[Progress]) -> Sequence[Task]:
        """Notes how far tasks are. Of several reports on one task the last counts."""
        latest = list({report.lease: report for report in progress}.values())
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(
                self._queries["record_progress"],
                *_columns([Held(report.lease, report.agent_id) for report in latest]),
                [report.fraction for report in latest],
                [report.message for report in latest],
            )
        return [task_of(row) for row in rows]

    async def reap(self, limit: int) -> Sequence[Task]:
        """Ends leases that have run out and tasks whose deadline has passed."""
        changed: list[Task] = []
        reaping = (("reap_deadlines", AttemptOutcome.DEADLINE_EXCEEDED), ("reap_leases", AttemptOutcome.LEASE_EXPIRED))
        async with self._database.system_transaction() as connection:
            for query, outcome in reaping:
                tasks = [task_of(row) for row in await connection.fetch(self._queries[query], limit)]
                if tasks:
                    await end_attempts(connection, self._queries, [(task.lease, outcome, "") for task in tasks])
                    await append_all(connection, [task_event(task) for task in tasks])
                    changed += tasks
        return changed


def _columns(held: Sequence[Held]) -> tuple[list[object], list[object], list[object]]:
    return (
        [one.lease.task_id for one in held],
        [one.lease.lease_epoch for one in held],
        [one.agent_id for one in held],
    )


def _ended(report: Report) -> EndedAttempt:
    match report:
        case Result(lease):
            return lease, AttemptOutcome.COMPLETED, ""
        case Release(lease):
            return lease, AttemptOutcome.RELEASED, ""
        case Failure(lease, error=error, kind=FailureKind.REJECTED):
            return lease, AttemptOutcome.REJECTED, error.message
        case Failure(lease, error=error):
            return lease, AttemptOutcome.FAILED, error.message
