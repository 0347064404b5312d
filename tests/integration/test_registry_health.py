import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from harness.databases import FreshDatabase, OpenDatabase
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.registry_service import Caller, Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.registry.v1 import agent_health_pb2, agent_service_pb2
from rookery_kit.postgres import load_queries
from rookery_registry.postgres import PostgresHealthStore

Metrics = agent_health_pb2.HealthMetrics
Points = list[agent_health_pb2.HealthPoint]


@pytest.fixture
async def registry(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Registry]:
    settings = registry_settings(fresh_database, nats_server).model_copy(update={"health_sample_seconds": 0})
    async with running_registry(settings, TokenMint()) as running:
        yield running


async def listed(
    registry: Registry, agent_id: str, tenant: str = "default", **wanted: object
) -> agent_health_pb2.ListHealthMetricsResponse:
    request = agent_health_pb2.ListHealthMetricsRequest(agent_id=agent_id, **wanted)  # type: ignore[arg-type]
    return await registry.agents.ListHealthMetrics(request, metadata=registry.admin(tenant))


async def report(registry: Registry, caller: Caller, *reports: Metrics) -> None:
    """Sends reports over one stream and waits until they are kept."""
    agent = await registry.register(caller, "scribe")
    known = len((await listed(registry, caller.id, page_size=1000)).points)
    async with registry.heartbeats(caller, agent.session_epoch) as stream:
        for metrics in reports:
            await stream.confirmed(metrics=metrics)

    async def are_kept() -> bool:
        return len((await listed(registry, caller.id, page_size=1000)).points) == known + len(reports)

    await eventually(are_kept)


@pytest.mark.capability("R2")
async def test_what_an_agent_reports_can_be_asked_for_in_the_databases_time(
    registry: Registry, open_database: OpenDatabase
) -> None:
    caller = registry.agent()
    metrics = Metrics(
        requests_handled=7,
        mean_response_ms=12.5,
        error_rate=0.25,
        cpu_fraction=1.5,
        memory_bytes=80_000_000,
        in_flight=2,
        capacity=8,
    )
    await report(registry, caller, metrics)
    (point,) = (await listed(registry, caller.id)).points
    assert (point.sample_count, point.mean, point.min, point.max) == (1, metrics, metrics, metrics)
    database = await open_database("registry")
    async with database.transaction("default") as connection:
        now = await connection.fetchval("SELECT now()")
        load = await connection.fetchrow("SELECT * FROM agent_load")
    assert timedelta(0) < now - point.time.ToDatetime(UTC) < timedelta(minutes=1)
    assert load is not None
    assert (load["in_flight"], load["capacity"], load["error_rate"], load["mean_response_ms"]) == (2, 8, 0.25, 12.5)


@pytest.mark.capability("R2")
async def test_reports_are_summed_up_over_stretches_of_time(registry: Registry) -> None:
    caller = registry.agent()
    await report(registry, caller, *(Metrics(requests_handled=n, error_rate=n / 10, in_flight=n) for n in (1, 2, 6)))
    (point,) = (await listed(registry, caller.id, bucket=Duration(seconds=604800))).points
    assert point.sample_count == 3
    assert (point.mean.requests_handled, point.min.requests_handled, point.max.requests_handled) == (3, 1, 6)
    assert point.mean.error_rate == pytest.approx(0.3)
    assert point.time.ToSeconds() % 604800 == 0


@pytest.mark.capability("R2")
async def test_points_are_listed_in_pages_and_within_a_range_of_time(registry: Registry) -> None:
    caller = registry.agent()
    await report(registry, caller, *(Metrics(requests_handled=n) for n in range(7)))
    pages: list[Points] = []
    token = ""
    while not pages or token:
        page = await listed(registry, caller.id, page_size=3, page_token=token)
        pages.append(list(page.points))
        token = page.next_page_token
    assert [len(page) for page in pages] == [3, 3, 1]
    points = [point for page in pages for point in page]
    assert [point.mean.requests_handled for point in points] == list(range(7))
    middle = await listed(registry, caller.id, start_time=points[2].time, end_time=points[5].time)
    assert list(middle.points) == points[2:5]
    assert not (await listed(registry, caller.id, start_time=datetime.now(UTC) + timedelta(hours=1))).points


@pytest.mark.capability("A6")
async def test_reports_of_another_tenant_are_not_seen(registry: Registry) -> None:
    caller = registry.agent()
    await report(registry, caller, Metrics(requests_handled=1))
    refused = await refusal(listed(registry, caller.id, tenant="acme"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND")


async def test_reports_of_an_agent_that_is_gone_are_listed_and_of_one_that_never_was_are_not(
    registry: Registry,
) -> None:
    caller = registry.agent()
    await registry.register(caller, "scribe")
    assert not (await listed(registry, caller.id)).points
    await report(registry, caller, Metrics(requests_handled=1))
    gone = agent_service_pb2.DeregisterAgentRequest(agent_id=caller.id)
    await registry.agents.DeregisterAgent(gone, metadata=registry.admin())
    assert len((await listed(registry, caller.id)).points) == 1
    assert not (await listed(registry, caller.id, end_time=datetime(2020, 1, 1, tzinfo=UTC))).points
    refused = await refusal(listed(registry, registry.agent().id))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND")


async def test_a_stretch_or_a_page_token_that_cannot_be_is_refused(registry: Registry) -> None:
    agent_id = registry.agent().id
    wrong: list[tuple[str, dict[str, object]]] = [
        ("bucket", {"bucket": Duration(seconds=1, nanos=1)}),
        ("bucket", {"bucket": Duration(seconds=0)}),
        ("page_token", {"page_token": "x"}),
        ("agent_id", {"agent_id": "scribe"}),
    ]
    for field, wanted in wrong:
        refused = await refusal(listed(registry, **{"agent_id": agent_id, **wanted}))  # type: ignore[arg-type]
        assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
        assert refused.fields == (field,)


@pytest.mark.capability("R2")
async def test_reports_are_kept_for_as_long_as_the_operator_wants_and_loads_of_agents_that_are_gone_are_not(
    registry: Registry, open_database: OpenDatabase
) -> None:
    caller = registry.agent()
    await report(registry, caller, *(Metrics(requests_handled=n) for n in range(5)))
    database = await open_database("registry")
    store = PostgresHealthStore(database, load_queries("rookery_registry.health"))
    assert await store.trim(timedelta(minutes=5), 100) == 0
    assert await store.trim(timedelta(0), 2) == 2
    assert [point.mean.requests_handled for point in (await listed(registry, caller.id)).points] == [2, 3, 4]
    async with database.system_transaction() as connection:
        await connection.execute("DELETE FROM agents")
    await store.trim(timedelta(minutes=5), 100)
    async with database.system_transaction() as connection:
        assert await connection.fetchval("SELECT count(*) FROM agent_load") == 0


async def test_of_the_reports_of_one_stream_only_some_are_kept_but_the_latest_always_counts(
    fresh_database: FreshDatabase, nats_server: RestartableNats, open_database: OpenDatabase
) -> None:
    database = await open_database("registry")
    async with running_registry(registry_settings(fresh_database, nats_server), TokenMint()) as registry:
        caller = registry.agent()
        agent = await registry.register(caller, "scribe")
        async with registry.heartbeats(caller, agent.session_epoch) as stream:
            for number in range(1, 6):
                await stream.confirmed(metrics=Metrics(in_flight=number))

        async def latest_is_stored() -> bool:
            async with database.transaction("default") as connection:
                return bool(await connection.fetchval("SELECT in_flight FROM agent_load") == 5)

        await eventually(latest_is_stored)
        assert [point.max.in_flight for point in (await listed(registry, caller.id)).points] == [1]
        await asyncio.gather(*(listed(registry, caller.id) for _ in range(3)))
