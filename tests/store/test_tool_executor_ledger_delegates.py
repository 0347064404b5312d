"""Who acted for the subject of a call, in the ledger."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from harness.databases import FreshDatabase, OpenDatabase
from rookery_kit.clock import new_id
from rookery_kit.postgres import load_queries
from rookery_kit.postgres.migrations import migrate
from rookery_tool_executor.model import ToolCall, ToolNotFound
from rookery_tool_executor.postgres import PostgresLedgerStore
from rookery_tool_executor.store import ExecutionQuery

pytestmark = pytest.mark.capability("A11")

LONG = timedelta(minutes=5)
OLD_EXECUTION = """
INSERT INTO tool_executor.executions (
    tenant, id, subject, call_digest, server, tool, arguments, repeatable, state, executor_id
)
VALUES ('red', gen_random_uuid(), 'user:a', '', 'bench', 'add', '{}', false, 'FAILED', gen_random_uuid())"""


async def ledger_store(open_database: OpenDatabase) -> PostgresLedgerStore:
    return PostgresLedgerStore(await open_database("tool_executor"), load_queries("rookery_tool_executor"))


async def an_executor(store: PostgresLedgerStore) -> str:
    executor_id = new_id()
    await store.renew_lease(executor_id, LONG)
    return executor_id


async def delegates(store: PostgresLedgerStore) -> list[tuple[str, ...]]:
    page = await store.page("red", ExecutionQuery(None, "", "", 10, 1_000_000))
    return [execution.call.delegates for execution in page.executions]


def a_call(*acting: str) -> ToolCall:
    return ToolCall("red", "user:a", "bench", "add", b"{}", "", str(uuid4()), acting)


async def test_they_are_recalled_in_their_order_and_are_in_the_record_of_a_refused_call(
    open_database: OpenDatabase,
) -> None:
    store = await ledger_store(open_database)
    executor_id, call = await an_executor(store), a_call("agent:c", "agent:b")
    assert await store.reserve(new_id(), call, executor_id, repeatable=False)
    seen = await store.recall(call)
    assert seen is not None
    assert seen.execution.call == call
    await store.refuse(new_id(), a_call("agent:b"), executor_id, ToolNotFound("bench", "add"))
    assert sorted(await delegates(store)) == [("agent:b",), ("agent:c", "agent:b")]


async def test_who_takes_a_lost_call_over_stands_in_its_record_and_may_be_another(open_database: OpenDatabase) -> None:
    store = await ledger_store(open_database)
    lost, call = await an_executor(store), a_call("agent:b")
    assert await store.reserve(new_id(), call, lost, repeatable=True)
    await store.close_lease(lost)
    taken = await store.reserve(
        new_id(), replace(call, delegates=("agent:c",)), await an_executor(store), repeatable=True
    )
    assert taken is not None
    assert taken.epoch == 2
    assert await delegates(store) == [("agent:c",)]


@pytest.mark.capability("D5")
async def test_a_call_of_the_first_revision_names_nobody(
    fresh_database: FreshDatabase, open_database: OpenDatabase
) -> None:
    migrate(fresh_database.admin_url, "tool_executor", "0001")
    with psycopg.connect(fresh_database.admin_url, autocommit=True) as admin:
        admin.execute(OLD_EXECUTION)
    migrate(fresh_database.admin_url, "tool_executor", "head")
    assert await delegates(await ledger_store(open_database)) == [()]
