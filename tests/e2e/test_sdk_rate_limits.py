import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from harness.sdk_agents import context_of
from harness.suite import Suite
from rookery.orchestrator.v1 import task_service_pb2
from rookery.registry.v1 import agent_service_pb2
from rookery_sdk import Client, ResourceExhausted

RATE = 20
SECONDS = 3.0


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    limit = {"PRINCIPAL_REQUESTS_PER_SECOND": str(RATE)}
    return dict.fromkeys(("auth", "registry", "orchestrator", "tool_executor"), limit)


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


@pytest.mark.capability("A7")
async def test_a_client_that_is_too_fast_is_slowed_down_and_loses_nothing(client: Client) -> None:
    tasks = await asyncio.gather(*(client.create_task("work") for _ in range(2 * RATE)))
    assert len({task.id for task in tasks}) == 2 * RATE


@pytest.mark.capability("A7")
async def test_a_limit_is_one_for_all_services(client: Client) -> None:
    begun, refused = time.monotonic(), set[tuple[str, str]]()

    async def admitted(call: Callable[[], Awaitable[object]]) -> int:
        count = 0
        while time.monotonic() < begun + SECONDS:
            try:
                await call()
                count += 1
            except ResourceExhausted as error:
                refused.add((error.reason, error.detail.quota_violations[0][1]))
        return count

    counts = await asyncio.gather(
        admitted(lambda: client.agents.ListAgents(agent_service_pb2.ListAgentsRequest())),
        admitted(lambda: client.tasks.ListTasks(task_service_pb2.ListTasksRequest())),
    )
    # Two limits would have admitted twice as many.
    assert sum(counts) < 1.5 * RATE * (time.monotonic() - begun), counts
    assert refused == {("RATE_LIMITED", f"{RATE} requests per second")}
