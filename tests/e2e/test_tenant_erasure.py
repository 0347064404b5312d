"""What becomes of a tenant that is deleted: nothing of it is left in any service."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.suite import Suite
from harness.tenant_traces import DAILY_LIFE, bus_traces, table_traces
from harness.tenants import Bearer, Tenants, token_for
from rookery.auth.v1 import tenant_pb2

DELETED, DELETING = tenant_pb2.TENANT_STATE_DELETED, tenant_pb2.TENANT_STATE_DELETING
KEPT = {"auth.audit_events", "auth.audit_links"}


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"auth": {"TENANT_ERASURE_SETTLE_SECONDS": "1"}}


@pytest.fixture
async def tenants(suite: Suite) -> Tenants:
    return Tenants(suite.channel("auth"), await suite.administrator())


async def lively(suite: Suite, tenants: Tenants, name: str) -> Bearer:
    """A tenant with something in every service. Gives its administrator's token."""
    created = await tenants.create(name)
    administrator = await token_for(suite.channel("auth"), created.administrator_secret)
    for live in DAILY_LIFE:
        await live(suite, administrator)
    return administrator


def reached(tenants: Tenants, name: str, state: int) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return (await tenants.get(name)).state == state

    return condition


@pytest.mark.capability("A6")
async def test_nothing_of_a_deleted_tenant_is_left_in_any_table_or_stream(
    suite: Suite, tenants: Tenants, fresh_database: FreshDatabase
) -> None:
    for name in ("doomed", "spared"):
        await lively(suite, tenants, name)
    schemas = ("auth", "registry", "orchestrator", "tool_executor")

    def everywhere() -> bool:
        return {table.partition(".")[0] for table in table_traces(fresh_database, "doomed")} == set(schemas)

    await eventually(everywhere)
    before = table_traces(fresh_database, "spared")
    await tenants.delete("doomed")
    await eventually(reached(tenants, "doomed", DELETED), within=60)
    assert set(table_traces(fresh_database, "doomed")) <= KEPT
    assert await bus_traces(suite.nats.url("auth"), "doomed") == {
        "EVENT": {"audit", "tenant_deletion", "tenant_erasure"},
        "IDENTITY": {"tenant"},
    }
    after = table_traces(fresh_database, "spared")
    assert [table for table, rows in before.items() if after.get(table, 0) < rows] == []


@pytest.mark.capability("A6")
async def test_a_service_that_was_down_erases_the_tenant_when_it_comes_back(
    suite: Suite, tenants: Tenants, fresh_database: FreshDatabase
) -> None:
    await lively(suite, tenants, "doomed")
    await suite.kill("registry")
    await tenants.delete("doomed")

    async def only_registry_is_left() -> bool:
        return list((await tenants.get("doomed")).erasing_services) == ["registry"]

    await eventually(only_registry_is_left, within=30)
    assert (await tenants.get("doomed")).state == DELETING
    await suite.start("registry")
    await eventually(reached(tenants, "doomed", DELETED), within=60)
    assert set(table_traces(fresh_database, "doomed")) <= KEPT


@pytest.mark.capability("A6")
async def test_a_deleted_tenants_tokens_are_refused_by_every_service(suite: Suite, tenants: Tenants) -> None:
    administrator = await lively(suite, tenants, "doomed")
    await tenants.delete("doomed")

    async def refused() -> bool:
        answers = await asyncio.gather(*(live(suite, administrator) for live in DAILY_LIFE), return_exceptions=True)
        return all(
            isinstance(answer, grpc.aio.AioRpcError) and answer.code() is grpc.StatusCode.PERMISSION_DENIED
            for answer in answers
        )

    await eventually(refused, within=5)
