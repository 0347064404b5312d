"""What a caller sees of its limits, over real gRPC."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from harness.kit_server import KitServer, serving
from harness.limited_callers import HeldClock, RatesOf, limiter
from harness.refusal import read_refusal, refusal
from rookery.auth.v1 import token_service_pb2, token_service_pb2_grpc
from rookery.orchestrator.v1 import task_service_pb2, task_service_pb2_grpc
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc
from rookery_kit.clock import new_id
from rookery_kit.rate_limits import RateLimiter
from rookery_kit.rpc import Registration

Code = grpc.StatusCode
SOME_ID = "01900000-0000-7000-8000-000000000000"
RATE = 8
BURST = 3


class Agents(agent_service_pb2_grpc.AgentServiceServicer):
    """Counts the calls that reach it."""

    def __init__(self) -> None:
        self.reached = 0

    async def GetAgent(self, request: Any, context: Any) -> agent_service_pb2.GetAgentResponse:  # noqa: N802
        self.reached += 1
        return agent_service_pb2.GetAgentResponse()


class Tasks(task_service_pb2_grpc.TaskServiceServicer):
    """Answers a stream of many frames."""

    async def WatchTask(self, request: Any, context: Any) -> Any:  # noqa: N802
        for _ in range(100):
            yield task_service_pb2.WatchTaskResponse()


class Tokens(token_service_pb2_grpc.TokenServiceServicer):
    """A service with a public method."""

    async def GetJwks(self, request: Any, context: Any) -> token_service_pb2.GetJwksResponse:  # noqa: N802
        return token_service_pb2.GetJwksResponse()


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def limits(clock: HeldClock) -> RateLimiter:
    return limiter(clock, rate=RATE, tenants=RatesOf(narrow=4))


@pytest.fixture
def agents() -> Agents:
    return Agents()  # type: ignore[abstract] # the other methods are not called


@pytest.fixture
async def kit(agents: Agents, limits: RateLimiter) -> AsyncIterator[KitServer]:
    registrations = (
        Registration(agent_service_pb2_grpc.add_AgentServiceServicer_to_server, agents),
        Registration(
            task_service_pb2_grpc.add_TaskServiceServicer_to_server,
            Tasks(),  # type: ignore[abstract] # as above
        ),
        Registration(
            token_service_pb2_grpc.add_TokenServiceServicer_to_server,
            Tokens(),  # type: ignore[abstract] # as above
        ),
    )
    async with serving(*registrations, limiter=limits) as server:
        yield server


def get(kit: KitServer, *, agent_id: str = SOME_ID, **token: Any) -> Any:
    stub = agent_service_pb2_grpc.AgentServiceStub(kit.channel)
    request = agent_service_pb2.GetAgentRequest(agent_id=agent_id)
    return stub.GetAgent(request, metadata=kit.mint.bearer(**token), timeout=5)


def watch(kit: KitServer) -> Any:
    stub = task_service_pb2_grpc.TaskServiceStub(kit.channel)
    request = task_service_pb2.WatchTaskRequest(task_id=SOME_ID)
    return stub.WatchTask(request, metadata=kit.mint.bearer(), timeout=5)


def told(trailing: Any) -> dict[str, str]:
    """What the one header `ratelimit` says, by name."""
    headers = [value for key, value in trailing if key == "ratelimit"]
    return dict(each.split("=") for header in headers for each in header.split(", "))


@pytest.mark.capability("A7")
async def test_every_answer_tells_what_is_left(kit: KitServer) -> None:
    for left in ("2", "1", "0"):
        call = get(kit)
        await call
        assert told(await call.trailing_metadata()) == {
            "limit": str(RATE),
            "remaining": left,
            "reset": "1",
        }


@pytest.mark.capability("A7")
async def test_an_answer_that_is_an_error_tells_it_too(kit: KitServer) -> None:
    call = get(kit, agent_id="seven")
    refused = await refusal(call)
    assert refused.reason == "INVALID_FIELD"
    assert told(await call.trailing_metadata())["remaining"] == "2"


@pytest.mark.capability("A7")
async def test_who_is_too_fast_is_refused_with_the_limit_and_the_wait(
    kit: KitServer, agents: Agents, clock: HeldClock
) -> None:
    for _ in range(BURST):
        await get(kit, subject="agent:7")
    call = get(kit, subject="agent:7")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    refused = read_refusal(caught.value)
    assert (refused.code, refused.reason, refused.retry_after) == (Code.RESOURCE_EXHAUSTED, "RATE_LIMITED", 1 / RATE)
    (violation,) = quota_failure(caught.value).violations
    assert (violation.subject, violation.description) == ("principal:agent:7", f"{RATE} requests per second")
    assert told(await call.trailing_metadata())["remaining"] == "0"
    assert agents.reached == BURST
    clock.seconds += refused.retry_after or 0
    await get(kit, subject="agent:7")


@pytest.mark.capability("A7")
async def test_the_quota_of_a_tenant_is_told_and_enforced_where_it_is_tighter(kit: KitServer) -> None:
    call = get(kit, tenant="narrow", subject="agent:1")
    await call
    assert told(await call.trailing_metadata())["limit"] == "4"
    await get(kit, tenant="narrow", subject="agent:2")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await get(kit, tenant="narrow", subject="agent:3")
    assert [each.subject for each in quota_failure(caught.value).violations] == ["tenant:narrow"]


@pytest.mark.capability("A7")
async def test_the_tokens_of_one_api_key_share_its_limit(kit: KitServer) -> None:
    async def get_by_key(key: str) -> None:
        token = kit.mint.mint(subject=f"user:{new_id()}", sid=[key], rate=4)
        stub = agent_service_pb2_grpc.AgentServiceStub(kit.channel)
        request = agent_service_pb2.GetAgentRequest(agent_id=SOME_ID)
        await stub.GetAgent(request, metadata=(("authorization", f"Bearer {token}"),), timeout=5)

    await get_by_key("k1")
    await get_by_key("k1")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await get_by_key("k1")
    (violation,) = quota_failure(caught.value).violations
    assert (violation.subject, violation.description) == ("key:k1", "4 requests per second")
    await get_by_key("k2")


@pytest.mark.capability("A7")
async def test_a_call_that_is_denied_counts_as_well(kit: KitServer) -> None:
    for _ in range(BURST):
        assert (await refusal(get(kit, permissions=("none:none",)))).reason == "PERMISSION_MISSING"
    assert (await refusal(get(kit, permissions=("none:none",)))).reason == "RATE_LIMITED"


@pytest.mark.capability("A7")
async def test_opening_a_stream_counts_once_however_much_comes_through_it(kit: KitServer) -> None:
    for left in ("2", "1", "0"):
        stream = watch(kit)
        assert len([frame async for frame in stream]) == 100
        assert told(await stream.trailing_metadata())["remaining"] == left
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watch(kit).read()
    assert read_refusal(caught.value).reason == "RATE_LIMITED"


async def test_a_public_method_has_no_limit(kit: KitServer) -> None:
    stub = token_service_pb2_grpc.TokenServiceStub(kit.channel)
    for _ in range(BURST + 1):
        call = stub.GetJwks(token_service_pb2.GetJwksRequest(), timeout=5)
        await call
        assert told(await call.trailing_metadata()) == {}


def quota_failure(error: grpc.aio.AioRpcError) -> error_details_pb2.QuotaFailure:
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # it has all that is asked of it
    assert status is not None
    failure = error_details_pb2.QuotaFailure()
    assert any(detail.Unpack(failure) for detail in status.details)
    return failure
