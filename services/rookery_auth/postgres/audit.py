"""The audit log on Postgres."""

import json
from collections.abc import Iterable, Mapping, Sequence

from asyncpg import Record
from rookery.auth.v1 import audit_pb2
from rookery_kit.audit import AuditEvent, AuditOutcome
from rookery_kit.audit_chain import ChainHead
from rookery_kit.filtering import Expression, FilterSchema, Text, enumeration, integer, timestamp
from rookery_kit.postgres import Connection, Database, Queries

from rookery_auth.model import LoggedEvent

AUDIT_FILTER = FilterSchema(
    {
        "actor": Text("e.actor"),
        "action": Text("e.action"),
        "resource": Text("e.resource"),
        "outcome": enumeration("e.outcome", {outcome.name: outcome.name for outcome in AuditOutcome}),
        "reason": Text("e.reason"),
        "service": Text("e.service"),
        "event_time": timestamp("e.event_time"),
        "sequence": integer("e.sequence"),
    }
)
_OUTCOME = "AUDIT_OUTCOME_"


class PostgresAudit:
    """Implements AuditLog, and adds to it."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def page(
        self, tenant: str, expression: Expression, *, after: int | None, oldest_first: bool, limit: int
    ) -> Sequence[LoggedEvent]:
        """At most `limit` events of a tenant for which the expression holds, in order."""
        condition = AUDIT_FILTER.condition(expression, first_parameter=4)
        query = self._queries["list_audit_events" if oldest_first else "list_latest_audit_events"]
        statement = query.replace("/* filter */", f"AND {condition.sql}")
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(statement, tenant, after, limit, *condition.arguments)
        return [_logged(row) for row in rows]

    async def append(self, events: Iterable[audit_pb2.AuditEvent]) -> int:
        """Adds events in order, each to its tenant's log, tied to the one before; answers how many were new.

        An event is linked in the transaction that adds it, and one process at a time adds, so the order of a log is
        the order of its commits and no event ever stands in it unproven.
        """
        by_id = {(event.tenant, event.id): event for event in events}
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["lock_audit_log"])
            tenants = sorted({tenant for tenant, _ in by_id})
            heads = await self._heads(connection, tenants)
            known = await connection.fetch(
                self._queries["find_audit_events"], [key[0] for key in by_id], [key[1] for key in by_id]
            )
            for row in known:
                del by_id[row["tenant"], str(row["id"])]
            rows, links = [], []
            for event in by_id.values():
                before = heads.get(event.tenant, ChainHead())
                heads[event.tenant] = head = before.extended(event)
                rows.append(_values(event, head.sequence))
                links.append((event.tenant, head.sequence, before.hash, head.hash))
            await connection.executemany(self._queries["add_audit_event"], rows)
            await connection.executemany(self._queries["add_audit_link"], links)
        return len(rows)

    async def _heads(self, connection: Connection, tenants: Sequence[str]) -> dict[str, ChainHead]:
        rows = await connection.fetch(self._queries["find_audit_heads"], tenants)
        return {row["tenant"]: ChainHead(row["sequence"], row["hash"]) for row in rows}


def _values(event: audit_pb2.AuditEvent, sequence: int) -> tuple[object, ...]:
    details: Mapping[str, str] = dict(event.details)
    return (
        event.tenant,
        sequence,
        event.id,
        event.actor,
        list(event.delegates),
        event.action,
        event.resource,
        audit_pb2.AuditOutcome.Name(event.outcome).removeprefix(_OUTCOME),
        event.reason,
        event.token_id,
        event.trace_id,
        event.event_time.ToMicroseconds(),
        json.dumps(details, ensure_ascii=False),
        event.service,
    )


def _logged(row: Record) -> LoggedEvent:
    event = AuditEvent(
        id=str(row["id"]),
        tenant=row["tenant"],
        actor=row["actor"],
        delegates=tuple(row["delegates"]),
        action=row["action"],
        resource=row["resource"],
        outcome=AuditOutcome[row["outcome"]],
        reason=row["reason"],
        token_id=row["token_id"],
        trace_id=row["trace_id"],
        event_time=row["event_time"],
        details=json.loads(row["details"]),
        service=row["service"],
    )
    return LoggedEvent(event, row["sequence"], row["previous_hash"], row["hash"])
