import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from harness.databases import FreshDatabase, OpenDatabase
from rookery.auth.v1 import audit_pb2
from rookery_auth.model import LoggedEvent
from rookery_auth.postgres import PostgresAudit
from rookery_auth.rpc.audit import encode_event
from rookery_kit.audit_chain import ChainHead, ChainVerifier
from rookery_kit.filtering import EVERYTHING, InvalidFilter, parse_filter
from rookery_kit.postgres import load_queries

NOW = datetime(2026, 11, 21, 8, 30, 0, 123456, tzinfo=UTC)


def event(tenant: str = "acme", **fields: object) -> audit_pb2.AuditEvent:
    made = audit_pb2.AuditEvent(
        id=str(uuid4()),
        tenant=tenant,
        actor="user:jane",
        delegates=["agent:a", "agent:b"],
        action="rookery.auth.v1.PolicyService/BindRole",
        resource="bindings/user:joe/observer",
        outcome=audit_pb2.AUDIT_OUTCOME_SUCCEEDED,
        token_id="t",
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        event_time=NOW,
        details={"b": "\N{SNOWMAN}", "a": ""},
        service="auth",
    )
    made.MergeFrom(audit_pb2.AuditEvent(**fields))  # type: ignore[arg-type]
    return made


@pytest.fixture
async def log(open_database: OpenDatabase) -> PostgresAudit:
    return PostgresAudit(await open_database("auth"), load_queries("rookery_auth.administration"))


async def listed(log: PostgresAudit, text: str = "", tenant: str = "acme") -> Sequence[LoggedEvent]:
    return await log.page(tenant, parse_filter(text), after=None, oldest_first=True, limit=100)


def verified(events: Sequence[LoggedEvent]) -> ChainHead:
    verifier = ChainVerifier()
    for logged in events:
        verifier.take(encode_event(logged))
    return verifier.end()


@pytest.mark.capability("A8")
async def test_events_are_numbered_without_gaps_and_tied_to_one_another_in_each_tenant(log: PostgresAudit) -> None:
    first = [event(), event("other"), event(outcome=audit_pb2.AUDIT_OUTCOME_DENIED, reason="PERMISSION_MISSING")]
    assert await log.append(first) == 3
    assert await log.append([event(), first[0]]) == 1
    events = await listed(log)
    assert [logged.sequence for logged in events] == [1, 2, 3]
    assert verified(events) == ChainHead(3, events[-1].hash)
    assert [logged.sequence for logged in await listed(log, tenant="other")] == [1]
    kept = encode_event(events[0])
    kept.ClearField("link")
    assert kept == first[0]


@pytest.mark.capability("A8")
async def test_replicas_that_add_at_once_make_one_unbroken_chain(open_database: OpenDatabase) -> None:
    logs = [PostgresAudit(await open_database("auth"), load_queries("rookery_auth.administration")) for _ in range(3)]
    shared = event()
    added = await asyncio.gather(*(each.append([shared, event(), event()]) for each in logs for _ in range(4)))
    assert sum(added) == 1 + 24
    assert verified(await listed(logs[0])).sequence == 25


@pytest.mark.capability("A8")
async def test_the_log_is_filtered_and_read_in_both_directions(log: PostgresAudit) -> None:
    denied = audit_pb2.AUDIT_OUTCOME_DENIED
    await log.append([event(), event(actor="user:joe", outcome=denied), event(resource="tenants/x")])
    assert [each.sequence for each in await listed(log, 'actor = "user:joe" AND outcome = DENIED')] == [2]
    assert [each.sequence for each in await listed(log, 'resource = "tenants/*" OR sequence < 2')] == [1, 3]
    assert [each.sequence for each in await listed(log, "event_time > 2026-11-22T00:00:00Z")] == []
    latest = await log.page("acme", EVERYTHING, after=3, oldest_first=False, limit=1)
    assert [each.sequence for each in latest] == [2]
    for wrong in ("outcome = MAYBE", "details.a = 1", "actor"):
        with pytest.raises(InvalidFilter):
            await listed(log, wrong)


@pytest.mark.capability("A8")
@pytest.mark.parametrize("table", ["audit_events", "audit_links"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET tenant = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
async def test_neither_the_service_nor_the_owner_can_change_the_log(
    log: PostgresAudit, fresh_database: FreshDatabase, table: str, statement: str
) -> None:
    await log.append([event()])
    change = statement.format(f"auth.{table}").encode()
    with psycopg.connect(fresh_database.url("auth"), autocommit=True) as connection:
        connection.execute("SELECT set_config('rookery.tenant', '*', false)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            connection.execute(change)
    with psycopg.connect(fresh_database.admin_url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever added to"):
            connection.execute(change)
        connection.execute("SET ROLE rookery_auth_owner")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever added to"):
            connection.execute(change)
    assert len(await listed(log)) == 1
